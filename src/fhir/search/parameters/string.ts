/**
 * String values: the beginning of a text without regard to case and accents; `:contains` any part, `:exact` all of it.
 * https://hl7.org/fhir/R4/search.html#string
 */
import { foldString } from '../../primitives/fold.js';
import type { StringTest } from '../query.js';
import { malformed, Problem } from './problem.js';
import type { ReadValue } from './reading.js';
import { unescaped } from './split.js';

export function readString(mode: StringTest['mode']): ReadValue {
  return (text) => {
    const plain = unescaped(text);
    if (plain instanceof Problem) return plain;
    const value = mode === 'exact' ? plain : foldString(plain);
    if (value === '') return malformed('holds no letter or sign to look for');
    return [{ kind: 'string', mode, value }];
  };
}
