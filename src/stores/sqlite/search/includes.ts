/**
 * `_include` and `_revinclude`: what the matches refer to, what refers to them. In steps, each of which is short, so that a
 * request for everything leaves room for others.
 * https://hl7.org/fhir/R4/search.html#include
 *
 * Invariant: each resource once, never a match, never one that the access filter hides, never one that is contained and so
 * there already; iteration ends with what is new.
 */
import type { Definitions } from '../../../fhir/definitions/definitions.js';
import { isContainedType } from '../../../fhir/search/contained.js';
import type { IndexValue } from '../../../fhir/search/index-value.js';
import type { Include } from '../../../fhir/search/query.js';
import { entryPath } from './entry-test.js';
import { FALSE, raw, sql, TRUE } from './fragment.js';
import { probe } from './probe.js';
import type { Scope } from './scope.js';

export const INCLUDE_LIMIT = 1_000;

export interface Included {
  readonly rids: readonly number[];
  readonly truncated: boolean;
}

interface Node {
  readonly rid: number;
  readonly type: string;
  /** Of a version that the index does not know. */
  readonly values?: readonly IndexValue[];
}

/** Each step may be of a later moment than the one before; `scope` is asked for anew. */
export function* collectIncludes(
  scopeOfNow: () => Scope,
  definitions: Definitions,
  matches: readonly Node[],
  includes: readonly Include[],
): Generator<undefined, Included> {
  const seen = new Set(matches.map(({ rid }) => rid));
  const found: Node[] = [];
  let frontier = matches;
  for (let round = 0; frontier.length > 0; round++) {
    const fresh: Node[] = [];
    for (const include of includes) {
      if (round > 0 && !include.iterate) continue;
      for (const look of looksOf(scopeOfNow, definitions, frontier, include)) {
        for (const node of look()) {
          if (seen.has(node.rid)) continue;
          if (found.length >= INCLUDE_LIMIT) return { rids: found.map(({ rid }) => rid), truncated: true };
          seen.add(node.rid);
          fresh.push(node);
          found.push(node);
        }
        yield;
      }
    }
    frontier = fresh;
  }
  return { rids: found.map(({ rid }) => rid), truncated: false };
}

/** So many resources are looked at in one step. */
const NODES_PER_STEP = 100;

type Look = () => readonly Node[];

/** Only resources of the right type are looked at: forward those that hold the reference, in reverse its targets. */
function* looksOf(
  scopeOfNow: () => Scope,
  definitions: Definitions,
  from: readonly Node[],
  include: Include,
): Generator<Look> {
  const params = paramsOf(scopeOfNow(), definitions, include);
  if (params.length === 0) return;
  const { direction, source, target } = include;
  const type = direction === 'forward' ? source : target;
  const nodes = type === undefined ? from : from.filter((node) => node.type === type);
  for (let at = 0; at < nodes.length; at += NODES_PER_STEP) {
    const some = nodes.slice(at, at + NODES_PER_STEP);
    if (direction === 'forward') yield () => forward(scopeOfNow(), params, some, include);
    else for (const param of params) yield () => reverse(scopeOfNow(), param, some, include);
  }
}

/** A parameter by its code and its number. */
interface ReferenceParam {
  readonly code: string;
  readonly id: number;
}

function paramsOf(
  scope: Scope,
  definitions: Definitions,
  { source, param }: Include,
): readonly ReferenceParam[] {
  const codes =
    param === '*'
      ? [...(definitions.searchParameters.get(source)?.values() ?? [])]
          .filter(({ type, custom }) => type === 'reference' && custom?.indexing === undefined)
          .map(({ code }) => code)
      : [param];
  return codes.flatMap((code) => {
    const id = scope.param(source, code)?.id;
    return id === undefined ? [] : [{ code, id }];
  });
}

/** Targets of what the index holds, by its own rows. */
const TARGETS = `SELECT DISTINCT t.value FROM json_each(?) n CROSS JOIN index_entry e ON e.rid = n.value
  CROSS JOIN json_each(?) p CROSS JOIN json_each(e.rows, p.value) t WHERE t.type = 'integer'`;
const ALIVE =
  'SELECT r.rid, r.type FROM json_each(?) j CROSS JOIN resource r ON r.rid = j.value WHERE r.live = 1';

function forward(
  scope: Scope,
  params: readonly ReferenceParam[],
  from: readonly Node[],
  include: Include,
): readonly Node[] {
  const byType = new Map<number, number[]>();
  const targets = JSON.stringify(targetsOf(scope, params, from));
  for (const [rid, type] of scope.connection.all<[number, number]>(ALIVE, targets)) {
    const list = byType.get(type);
    if (list === undefined) byType.set(type, [rid]);
    else list.push(rid);
  }
  return [...byType].flatMap(([typeId, rids]) => {
    const type = scope.catalogue.typeName(typeId);
    const isAsked = include.target === undefined || include.target === type;
    return isAsked && !isContainedType(type) ? visibleNodes(scope, type, rids) : [];
  });
}

/** Each once. */
function targetsOf(
  scope: Scope,
  params: readonly ReferenceParam[],
  from: readonly Node[],
): readonly number[] {
  const indexed = JSON.stringify(from.filter(({ values }) => values === undefined).map(({ rid }) => rid));
  const paths = JSON.stringify(params.map(({ id }) => entryPath(id)));
  const found = new Set(scope.connection.column<number>(TARGETS, indexed, paths));
  const codes = new Set(params.map(({ code }) => code));
  for (const value of from.flatMap(({ values = [] }) => values)) {
    if (value.kind !== 'reference' || value.target.kind !== 'local' || !codes.has(value.param)) continue;
    const rid = scope.rid(value.target.type, value.target.id);
    if (rid !== undefined) found.add(rid);
  }
  return [...found];
}

function visibleNodes(scope: Scope, type: string, rids: readonly number[]): readonly Node[] {
  const condition = probe(scope, type, scope.seen(type, { op: 'everything' }), {
    rid: raw('r.rid'),
    date: raw('r.sort_date'),
  });
  if (condition === TRUE) return rids.map((rid) => ({ rid, type }));
  if (condition === FALSE) return [];
  const asking = sql`SELECT r.rid FROM json_each(${JSON.stringify(rids)}) j CROSS JOIN resource r ON r.rid = j.value
    WHERE r.live = 1 AND ${condition}`;
  return scope.connection.all<[number]>(asking.text, ...asking.values).map(([rid]) => ({ rid, type }));
}

function reverse(
  scope: Scope,
  param: ReferenceParam,
  from: readonly Node[],
  { source }: Include,
): readonly Node[] {
  const listed = JSON.stringify(from.map(({ rid }) => rid));
  const condition = probe(scope, source, scope.seen(source, { op: 'everything' }), {
    rid: raw('k.rid'),
    date: raw('k.date'),
  });
  if (condition === FALSE) return [];
  const asking = sql`SELECT k.rid FROM json_each(${listed}) j CROSS JOIN key_index k
    ON k.param = ${param.id} AND k.value = j.value WHERE ${condition} LIMIT ${REVERSE_LIMIT}`;
  return scope.connection
    .all<[number]>(asking.text, ...asking.values)
    .map(([rid]) => ({ rid, type: source }));
}

/** Enough to fill a page even where all matches of it were among the rows. */
const REVERSE_LIMIT = 2 * INCLUDE_LIMIT + 1;
