/**
 * `:text` on a token: the words that stand with the code begin with the value.
 * https://hl7.org/fhir/R4/search.html#token
 */
import { foldString } from '../../primitives/fold.js';
import { malformed, Problem } from './problem.js';
import type { ReadValue } from './reading.js';
import { unescaped } from './split.js';

/** Element types that have words beside their codes. */
const WORDED: ReadonlySet<string> = new Set(['CodeableConcept', 'Coding', 'Identifier', 'Extension']);

export const readText: ReadValue = (text, { parameter }) => {
  if (parameter.elementTypes.length > 0 && !parameter.elementTypes.some((type) => WORDED.has(type))) {
    return malformed('holds codes alone, with no words beside them that :text could search');
  }
  const plain = unescaped(text);
  if (plain instanceof Problem) return plain;
  const value = foldString(plain);
  return value === '' ? malformed('holds no letter or sign to look for') : [{ kind: 'text', value }];
};
