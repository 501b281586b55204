/**
 * When two tokens are the same: the one place that knows where case matters, for index values and for searches.
 * https://hl7.org/fhir/R4/search.html#token
 *
 * Invariant: identifiers and identifying texts are compared exactly, UCUM units too (`mG` is no `mg`), all other codes
 * without case: the specification prefers that where the code system does not say.
 */
import { foldToken } from '../primitives/fold.js';
import type { TokenTest } from './query.js';

export const UCUM = 'http://unitsofmeasure.org';

/** Element types whose values are kept exact. */
const EXACT: ReadonlySet<string> = new Set(['Identifier', 'id', 'uri', 'url', 'canonical', 'oid', 'uuid']);

/** Element types whose values can come from a code system, hence from UCUM. An extension can hold any of them. */
const CODED: ReadonlySet<string> = new Set(['Coding', 'CodeableConcept', 'Extension']);

/** The code as it is indexed and compared. */
export function tokenCode(system: string, code: string, elementType: string): string {
  return EXACT.has(elementType) || system === UCUM ? code : foldToken(code);
}

/**
 * The tests of which one must pass for a value of any of these element types to be meant. More than one only where
 * the types disagree on case, or where a code without a system could be a unit.
 */
export function tokenTests(
  elementTypes: readonly string[],
  system: string | undefined,
  code: string | undefined,
): readonly TokenTest[] {
  const within = system === undefined ? {} : { system };
  if (code === undefined) return [{ kind: 'token', ...within }];
  const folded = foldToken(code);
  const exact: TokenTest = { kind: 'token', ...within, code };
  if (folded === code || system === UCUM) return [exact];
  const tests: TokenTest[] = [];
  if (elementTypes.length === 0 || elementTypes.some((type) => !EXACT.has(type))) {
    tests.push({ kind: 'token', ...within, code: folded });
  }
  if (elementTypes.some((type) => EXACT.has(type) || type === 'Extension')) tests.push(exact);
  else if (system === undefined && elementTypes.some((type) => CODED.has(type))) {
    tests.push({ kind: 'token', system: UCUM, code });
  }
  return tests;
}
