/**
 * A search as the store runs it, on whichever connection: the places of a page's matches, one more than the page holds,
 * and the total. The same code answers on the main thread within limits and in a reader process without.
 *
 * Invariant: several resource types are one sequence: part after part in natural order, merged when sorted.
 */
import type { SearchQuery } from '../../../fhir/search/query.js';
import { sizeOf } from '../../../fhir/search/tree.js';
import type { AccessFilter } from '../../../ports/access-filter.js';
import type { PageKey } from '../../../ports/backend.js';
import { compareKeys, type Order, orderOf, type Reading } from './order.js';
import { type Place, readPageKey } from './page-key.js';
import { countPart, type LeftOut, runPart } from './run.js';
import { OverLimit, type Scope } from './scope.js';

/** A search as plain data: it travels to reader processes. */
export interface SearchJob {
  readonly query: SearchQuery;
  readonly access: AccessFilter;
  readonly count: number;
  readonly total: 'none' | 'estimate' | 'accurate';
  readonly leftOut?: LeftOut;
  readonly edge?: Edge;
}

/** The match at which the page before ended, or, backwards, before which the page ends. */
export interface Edge {
  readonly key: PageKey;
  readonly backwards: boolean;
}

export interface SearchFound {
  readonly order: Order;
  /** In the order of reading; one more than a page holds where there is one. */
  readonly places: readonly Place[];
  /** Of a first page. */
  readonly total?: number;
}

export function runSearch(scope: Scope, job: SearchJob): SearchFound {
  refuseLarge(scope, job);
  const { order, place } =
    job.edge === undefined
      ? { order: orderOf(scope, job.query), place: undefined }
      : readPageKey(job.edge.key, job.query);
  const places = firstPlaces(scope, job, order, place);
  const total = job.edge === undefined ? totalOf(scope, job, places.length) : undefined;
  return { order, places, ...(total === undefined ? {} : { total }) };
}

/** Each node costs look-ups before a row is read: a tree of many is not for the thread that others wait for. */
function refuseLarge(scope: Scope, { query }: SearchJob): void {
  if (!scope.isBounded) return;
  // Where a type was never stored there is nothing to look up.
  const parts = query.parts.filter(({ type }) => scope.catalogue.type(type) !== undefined);
  const nodes = parts.reduce((sum, { where }) => sum + sizeOf(where), 0);
  if (nodes > NODES_HERE) throw new OverLimit(`${nodes} criteria`);
}

/** A search of every resource type by one criterion is within them. */
const NODES_HERE = 400;

/** Places in the order of reading. */
export function comparePlaces(
  job: Pick<SearchJob, 'query' | 'edge'>,
  order: Order,
): (left: Place, right: Place) => number {
  const sign = job.edge?.backwards === true ? -1 : 1;
  const byPart = isNatural(job);
  return (left, right) =>
    sign * ((byPart ? left.part - right.part : 0) || compareKeys(order, left.keys, right.keys));
}

function isNatural({ query }: Pick<SearchJob, 'query'>): boolean {
  return query.sort.length === 0;
}

function firstPlaces(scope: Scope, job: SearchJob, order: Order, edge: Place | undefined): readonly Place[] {
  if (job.count === 0) return [];
  const limit = job.count + 1;
  const natural = isNatural(job);
  const backwards = job.edge?.backwards === true;
  const found: Place[] = [];
  const parts = [...job.query.parts.entries()];
  for (const [part, { type, where }] of backwards ? parts.reverse() : parts) {
    const isPast = edge !== undefined && (backwards ? part > edge.part : part < edge.part);
    if (natural && isPast) continue;
    const begins = edge !== undefined && (!natural || part === edge.part);
    const reading: Reading = { backwards, ...(begins ? { from: edge.keys } : {}) };
    const keys = runPart(scope, {
      type,
      where: scope.seen(type, where),
      order,
      reading,
      limit: natural ? limit - found.length : limit,
      ...(job.leftOut === undefined ? {} : { leftOut: job.leftOut }),
    });
    found.push(...keys.map((one) => ({ part, keys: one })));
    if (natural && found.length >= limit) break;
  }
  if (!natural && parts.length > 1) found.sort(comparePlaces(job, order));
  return found.slice(0, limit);
}

/** Where finding the page has counted all matches anyway. */
function knownTotal(scope: Scope, { query }: SearchJob): number | undefined {
  let total = 0;
  for (const { type, where } of query.parts) {
    const size = scope.exactSizes.get(type)?.get(scope.seen(type, where));
    if (size === undefined) return undefined;
    total += size;
  }
  return total;
}

/** `found`: the number of matches read, one more than a page holds where there are more. */
function totalOf(scope: Scope, job: SearchJob, found: number): number | undefined {
  if (job.count > 0 && found <= job.count) return found;
  if (job.total === 'none' && job.count > 0) return knownTotal(scope, job);
  try {
    return job.query.parts.reduce(
      (sum, { type, where }) => sum + countPart(scope, type, scope.seen(type, where)),
      0,
    );
  } catch (error) {
    // An estimate is given where it costs little.
    if (error instanceof OverLimit && job.total === 'estimate' && job.count > 0) return undefined;
    throw error;
  }
}
