/**
 * Chains and `_has` as conditions on one row.
 * https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
 *
 * Where the far end is few resources they are listed, and the chain is a test on keys; else the condition goes along
 * the references of each row.
 */
import { CONTAINER, CONTAINS, chainEnds, isContainedType } from '../../../fhir/search/contained.js';
import { CONSENT_OF } from '../../../fhir/search/index-value.js';
import type { Predicate, QueryPart, ValueTest } from '../../../fhir/search/query.js';
import { membersOf } from '../../../fhir/search/tree.js';
import { firstPairOf, PAIR, PAIR_REFERENCE } from '../pair-key.js';
import { entryOf, entryPath } from './entry-test.js';
import { and, FALSE, type Fragment, listed, oneOf, or, raw, sql, TRUE } from './fragment.js';
import { type KeySet, keySet } from './key-set.js';
import { codeTerms } from './pairs.js';
import { keyProbe, probe, type RowNames } from './probe.js';
import { listMatches } from './run.js';
import { OverLimit, type Scope } from './scope.js';
import { isWordsParam } from './words-test.js';

export type ChainPredicate = Predicate & { readonly op: 'chain' };
export type HasPredicate = Predicate & { readonly op: 'has' };

export function chainProbe(scope: Scope, type: string, chain: ChainPredicate, row: RowNames): Fragment {
  const param = scope.param(type, chain.param);
  if (param === undefined || chain.targets.every((part) => isNever(scope, part))) return FALSE;
  const keys = chainKeys(scope, chain);
  if (keys !== undefined) return keyProbe(param, keys, row, scope);
  const [reference, target] = [scope.alias(), scope.alias()];
  const end = or(endsOf(scope, chain).map((part) => farEnd(scope, part, target)));
  return sql`EXISTS (SELECT 1 FROM json_each(${entryOf(row.rid)}, ${entryPath(param.id)}) ${raw(reference)}
    CROSS JOIN resource ${raw(target)} ON ${raw(target)}.rid = ${raw(reference)}.value
    WHERE ${raw(target)}.live = 1 AND ${end})`;
}

/**
 * No resource can pass: the store has never had a value of a parameter, or a code of a set, that it needs. Filters ask for
 * much that few stores have (access/consents.ts), and looking for it would cost every request.
 */
export function isNever(scope: Scope, { type, where }: QueryPart): boolean {
  switch (where.op) {
    case 'nothing':
      return true;
    case 'value':
      // Words stand in an index of their own.
      if (isWordsParam(where.param, type)) return false;
      return scope.param(type, where.param) === undefined || isUnheardOf(scope, where.test);
    case 'and':
      return where.of.some((one) => isNever(scope, { type, where: one }));
    case 'or':
      return where.of.every((one) => isNever(scope, { type, where: one }));
    case 'chain':
      return (
        scope.param(type, where.param) === undefined || where.targets.every((part) => isNever(scope, part))
      );
    case 'has':
      return scope.param(where.source.type, where.param) === undefined || isNever(scope, where.source);
    case 'compartment':
      return scope.param(type, `@${where.name}`) === undefined;
    case 'not':
      return where.of.op === 'absent' && scope.param(type, where.of.param) === undefined;
    default:
      return false;
  }
}

/** A set that has none of the store's codes, or a composite that needs one of them. Sets are looked up once per query. */
function isUnheardOf(scope: Scope, test: ValueTest): boolean {
  if (test.kind === 'composite') return test.components.some((component) => isUnheardOf(scope, component));
  if (test.kind !== 'token-set' && test.kind !== 'reference-set') return false;
  const keys = keySet(scope, test);
  return keys.kind === 'listed' && keys.values.length === 0;
}

function farEnd(scope: Scope, part: QueryPart, target: string): Fragment {
  const typeId = scope.catalogue.type(part.type);
  if (typeId === undefined) return FALSE;
  const row = { rid: raw(`${target}.rid`), date: raw(`${target}.sort_date`) };
  return and([sql`${raw(target)}.type = ${typeId}`, probe(scope, part.type, seenEnd(scope, part), row)]);
}

/** Ends that there can be: most types contain nothing, and stores do not have most types. */
function endsOf(scope: Scope, chain: ChainPredicate): readonly QueryPart[] {
  const ends = chainEnds(chain).filter((part) => !isNever(scope, part));
  if (chain.param !== CONTAINER) return ends;
  return ends.filter(({ type }) => scope.param(type, CONTAINS) !== undefined);
}

/** What leads to a contained resource is its container, which is seen already. */
function seenEnd(scope: Scope, { type, where }: QueryPart): Predicate {
  return isContainedType(type) ? where : scope.seen(type, where);
}

export function hasProbe(scope: Scope, type: string, has: HasPredicate, row: RowNames): Fragment {
  const param = scope.param(has.source.type, has.param);
  if (param === undefined || isNever(scope, has.source)) return FALSE;
  const targets = hasTargets(scope, has);
  if (targets !== undefined) return oneOf(row.rid, targets);
  const [where, source] = [scope.seen(has.source.type, has.source.where), scope.alias()];
  const pairs = pairsOfHas(scope, has);
  // How many resources refer to one row is not known: not for the thread that others wait for.
  const isOfFew = pairs?.isAll === true || has.param === CONSENT_OF; // a patient has a handful of Consents
  if (scope.isBounded && !isOfFew) throw new OverLimit(`_has on ${type}`);
  const asked = { rid: raw(`${source}.rid`), date: raw(`${source}.date`) };
  const inner = pairs?.isTold === true ? TRUE : probe(scope, has.source.type, where, asked);
  const value = raw(`${source}.value`);
  const keys = pairs?.bases.map((base) => sql`${row.rid} + ${base}`);
  return sql`EXISTS (SELECT 1 FROM key_index ${raw(source)} WHERE ${raw(source)}.param = ${pairs?.param ?? param.id}
    AND ${keys === undefined ? sql`${value} = ${row.rid}` : sql`${value} IN (${listed(keys)})`} AND ${inner})`;
}

/** The sources of a `_has` by patient and code, as one stretch of the index for each row. */
export interface PairsOfHas {
  readonly param: number;
  /** Of each code, what a patient's integer is added to. */
  readonly bases: readonly number[];
  /** The code is all that is asked of them: the first that is looked at will do. */
  readonly isAll: boolean;
  /** That there is such a key is all that there is to know. */
  readonly isTold: boolean;
}

export function pairsOfHas(scope: Scope, has: HasPredicate): PairsOfHas | undefined {
  if (!scope.pairs.has(has)) scope.pairs.set(has, findPairs(scope, has));
  return scope.pairs.get(has);
}

function findPairs(scope: Scope, { param: code, source }: HasPredicate): PairsOfHas | undefined {
  const param = code === PAIR_REFERENCE ? scope.param(source.type, PAIR) : undefined;
  if (param === undefined) return undefined;
  const asked = membersOf(scope.seen(source.type, source.where));
  const codes = asked.map(codeTerms(scope)).find((terms) => terms !== undefined);
  if (codes === undefined) return undefined;
  const isAll = asked.length === 1;
  const bases = [...new Set(codes.map(firstPairOf))];
  return { param: param.id, bases, isAll, isTold: isAll && scope.arePairsExact };
}

/** In how many places of the index a row is looked for to know whether it passes; Infinity: it takes more than look-ups. */
export function lookUpsOf(scope: Scope, predicate: Predicate): number {
  const pairs = predicate.op === 'has' ? pairsOfHas(scope, predicate) : undefined;
  return pairs?.isTold === true ? pairs.bases.length : Number.POSITIVE_INFINITY;
}

/** The resources at the far end of a chain, where they are few. */
export function chainKeys(scope: Scope, chain: ChainPredicate): KeySet | undefined {
  return remembered(scope, chain, () => {
    const found: number[] = [];
    for (const part of endsOf(scope, chain)) {
      const rids = listMatches(scope, part.type, seenEnd(scope, part), scope.limits.listed - found.length);
      if (rids === undefined) return undefined;
      found.push(...rids);
    }
    return { kind: 'listed', values: found };
  });
}

/** The resources that the sources of a `_has` refer to, where the sources are few. */
export function hasTargets(scope: Scope, has: HasPredicate): readonly number[] | undefined {
  const found = remembered(scope, has, () => {
    const { type, where } = has.source;
    const param = scope.param(type, has.param);
    const sources = listMatches(scope, type, scope.seen(type, where), scope.limits.listed);
    if (param === undefined || sources === undefined) return undefined;
    const asking = sql`SELECT DISTINCT target.value FROM json_each(${JSON.stringify(sources)}) source
      CROSS JOIN index_entry e ON e.rid = source.value CROSS JOIN json_each(e.rows, ${entryPath(param.id)}) target`;
    return { kind: 'listed', values: scope.connection.column<number>(asking.text, ...asking.values) };
  });
  return found?.kind === 'listed' ? found.values : undefined;
}

function remembered(scope: Scope, predicate: Predicate, find: () => KeySet | undefined): KeySet | undefined {
  if (scope.listings.has(predicate)) return scope.listings.get(predicate);
  const found = find();
  scope.listings.set(predicate, found);
  return found;
}
