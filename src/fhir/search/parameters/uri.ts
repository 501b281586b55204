/**
 * Uri values: exact, or by path segments below or above.
 * https://hl7.org/fhir/R4/search.html#uri
 */
import type { UriTest } from '../query.js';
import { malformed, Problem } from './problem.js';
import type { ReadValue } from './reading.js';
import { unescaped } from './split.js';

export function readUri(mode: UriTest['mode']): ReadValue {
  return (text) => {
    const value = unescaped(text);
    if (value instanceof Problem) return value;
    if (/\s/.test(value)) return malformed('is no uri: a uri holds no white space');
    return [{ kind: 'uri', mode, value }];
  };
}
