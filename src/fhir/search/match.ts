/**
 * Does a resource match? The query tree evaluated in memory: the reference that every store is checked against.
 * https://hl7.org/fhir/R4/search.html
 *
 * Invariant: evaluates exactly what query.ts says. A tree that looks at other resources (chain, has) needs a resolver;
 * without one it is a defect of the caller, never "no match".
 */
import { assert, unreachable } from '../../base/assert.js';
import { chainEnds } from './contained.js';
import type { IndexValue } from './index-value.js';
import { dateTestPasses } from './match-range.js';
import { isReferenceTo, passes } from './match-value.js';
import type { Predicate, QueryPart } from './query.js';
import { unresolved } from './tree.js';

export interface Identity {
  readonly type: string;
  readonly id: string;
  /** Milliseconds since 1970 UTC. */
  readonly lastUpdated: number;
}

/** A resource as far as a search sees it. */
export interface Candidate {
  readonly identity: Identity;
  readonly values: readonly IndexValue[];
}

/** How the other resources of a chain are found, contained ones too. Deleted and invisible ones are not handed out. */
export interface MatchResolver {
  resource(type: string, id: string): Candidate | undefined;
  /** Resources of a type; at least all those that refer to `target` by the parameter. */
  referrers(type: string, param: string, target: Identity): Iterable<Candidate>;
}

export function matches(
  values: readonly IndexValue[],
  identity: Identity,
  where: Predicate,
  resolver?: MatchResolver,
): boolean {
  const holds = (inner: Predicate): boolean => matches(values, identity, inner, resolver);
  switch (where.op) {
    case 'everything':
      return true;
    case 'nothing':
      return false;
    case 'and':
      return where.of.every(holds);
    case 'or':
      return where.of.some(holds);
    case 'not':
      return !holds(where.of);
    case 'id':
      return isAmong(where.ids, identity.id);
    case 'last-updated':
      return dateTestPasses({ lo: identity.lastUpdated, hi: identity.lastUpdated }, where.test);
    case 'value':
      return values.some((value) => value.param === where.param && passes(value, where.test));
    case 'absent':
      return !values.some((value) => value.param === where.param);
    case 'chain':
      return chainMatches(values, where, required(resolver, 'chain'));
    case 'has':
      return hasMatches(identity, where, required(resolver, 'has'));
    case 'compartment': {
      const { name, id } = where;
      return values.some((value) => value.param === `@${name}` && isReferenceTo(value, name, id));
    }
    case 'named-set':
      return unresolved(where);
    default:
      return unreachable(where);
  }
}

/** Lists are looked at once per resource: long ones as sets, which are made of each list once and go with it. */
const sets = new WeakMap<readonly string[], ReadonlySet<string>>();
const LONG_LIST = 16;

function isAmong(ids: readonly string[], id: string): boolean {
  if (ids.length < LONG_LIST) return ids.includes(id);
  const known = sets.get(ids) ?? new Set(ids);
  sets.set(ids, known);
  return known.has(id);
}

function required(resolver: MatchResolver | undefined, op: string): MatchResolver {
  assert(resolver !== undefined, `a ${op} predicate is matched without a resolver`);
  return resolver;
}

function chainMatches(
  values: readonly IndexValue[],
  chain: Extract<Predicate, { op: 'chain' }>,
  resolver: MatchResolver,
): boolean {
  const ends = chainEnds(chain);
  return values.some((value) => {
    if (value.param !== chain.param || value.kind !== 'reference' || value.target.kind !== 'local')
      return false;
    const { type, id } = value.target;
    const parts = ends.filter((part) => part.type === type);
    const target = parts.length === 0 ? undefined : resolver.resource(type, id);
    return target !== undefined && parts.some((part) => candidateMatches(target, part, resolver));
  });
}

function hasMatches(
  identity: Identity,
  { param, source }: Extract<Predicate, { op: 'has' }>,
  resolver: MatchResolver,
): boolean {
  for (const candidate of resolver.referrers(source.type, param, identity)) {
    const refers = candidate.values.some(
      (value) => value.param === param && isReferenceTo(value, identity.type, identity.id),
    );
    if (refers && candidateMatches(candidate, source, resolver)) return true;
  }
  return false;
}

function candidateMatches(
  { identity, values }: Candidate,
  part: QueryPart,
  resolver: MatchResolver,
): boolean {
  return identity.type === part.type && matches(values, identity, part.where, resolver);
}
