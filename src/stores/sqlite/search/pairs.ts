/**
 * Patient and code asked together: both are one key of the index (pair-key.ts).
 */
import type { Predicate } from '../../../fhir/search/query.js';
import type { Param } from '../catalogue.js';
import { PAIR, PAIR_REFERENCE, PAIR_TOKEN, pairKey } from '../pair-key.js';
import { isKeyTest, keySet } from './key-set.js';
import type { Scope } from './scope.js';

/** With more codes than this the pairs are not looked for. */
const CODES = 8;
/** More pairs than this are not one way in. */
const PAIRS = 64;

export interface PairKeys {
  /** The criteria that the pairs are of. */
  readonly of: readonly Predicate[];
  readonly param: Param;
  readonly keys: readonly number[];
}

/** The keys of all pairs that criteria of one conjunction ask for. */
export function askedPairs(scope: Scope, type: string, members: readonly Predicate[]): PairKeys | undefined {
  const param = scope.param(type, PAIR);
  if (param === undefined) return undefined;
  const [reference, rids] = firstWith(members, listedKeys(scope, PAIR_REFERENCE)) ?? [];
  const [code, terms] = firstWith(members, codeTerms(scope)) ?? [];
  if (reference === undefined || rids === undefined || code === undefined || terms === undefined)
    return undefined;
  if (rids.length * terms.length > PAIRS) return undefined;
  return {
    of: [reference, code],
    param,
    keys: rids.flatMap((rid) => terms.map((term) => pairKey(rid, term))),
  };
}

function firstWith(
  members: readonly Predicate[],
  keysOf: (predicate: Predicate) => readonly number[] | undefined,
): readonly [Predicate, readonly number[]] | undefined {
  for (const member of members) {
    const keys = keysOf(member);
    if (keys !== undefined) return [member, keys];
  }
  return undefined;
}

/** The integers of the codes that a criterion asks for, where it is one on the code. */
export function codeTerms(scope: Scope): (predicate: Predicate) => readonly number[] | undefined {
  const listed = listedKeys(scope, PAIR_TOKEN);
  return (predicate) => {
    const terms = listed(predicate);
    return terms === undefined || terms.length > CODES ? undefined : terms;
  };
}

function listedKeys(scope: Scope, param: string): (predicate: Predicate) => readonly number[] | undefined {
  return (predicate) => {
    if (predicate.op !== 'value' || predicate.param !== param || !isKeyTest(predicate.test)) return undefined;
    const keys = keySet(scope, predicate.test);
    return keys.kind === 'listed' ? keys.values : undefined;
  };
}
