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

/** 2^20: so many codes are told apart. */
export const PAIR_CODES = 1_048_576;
/** 2^33: integers of resources below it leave the key within 2^53. */
export const PAIR_RIDS = 8_589_934_592;

/** The code comes first: its patients are one stretch of the index, in the order in which patients are walked. */
export function pairKey(rid: number, term: number): number {
  return firstPairOf(term) + rid;
}

/** The key of a code and of the resource whose integer is 0. */
export function firstPairOf(term: number): number {
  return (term % PAIR_CODES) * PAIR_RIDS;
}
