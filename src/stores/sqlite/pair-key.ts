/**
 * A patient and a code as one key: what of this code there is of this patient is one stretch of `key_index`, however much
 * there is of either. It serves `patient` and `code` asked together, and `_has:…:patient:code`.
 *
 * Invariant: where a resource has values of both parameters, it has the key of each pair of them. The integer of a code is
 * cut short to fit beside that of the patient: once there are so many codes that some are cut alike, a row of the index may be of
 * another code, and is tested for it.
 */

/** The parameter under which pairs are indexed; no search parameter of FHIR has such a code. */
export const PAIR = '@patient+code';
export const PAIR_REFERENCE = 'patient';
export const PAIR_TOKEN = 'code';

/** 2^20: integers of resources up to 2^33 leave the key within 2^53. */
export const PAIR_FACTOR = 1_048_576;

export function pairKey(rid: number, term: number): number {
  return rid * PAIR_FACTOR + shortTerm(term);
}

/** What of a code's integer is in the key. */
export function shortTerm(term: number): number {
  return term % PAIR_FACTOR;
}
