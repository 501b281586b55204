/**
 * A search as the store runs it, on whichever connection: rids of the page's matches, where the page ended, the total.
 * The same code answers on the main thread within limits and in a reader process without.
 *
 * Invariant: several resource types are one sequence: part after part in natural order, merged when sorted.
 */
import { Refusal } from '../../../fhir/outcome.js';
import type { SearchQuery } from '../../../fhir/search/query.js';
import type { AccessFilter } from '../../../ports/access-filter.js';
import type { PageKey, Position } from '../../../ports/backend.js';
import { compareKeys, type Order, orderName, orderNamed, orderOf } from './order.js';
import { countPart, type MatchKeys, runPart } from './run.js';
import { OverLimit, type Scope } from './scope.js';

/** A search as plain data: it travels to reader processes. */
export interface SearchJob {
  readonly query: SearchQuery;
  readonly access: AccessFilter;
  readonly count: number;
  readonly total: 'none' | 'estimate' | 'accurate';
  /** Leave out what was changed after this position. */
  readonly asOf?: Position;
  readonly after?: PageKey;
}

export interface SearchFound {
  readonly rids: readonly number[];
  readonly next?: PageKey;
  readonly total?: number;
}

interface Match {
  readonly part: number;
  readonly keys: MatchKeys;
}

export function runSearch(scope: Scope, job: SearchJob): SearchFound {
  const order = job.after === undefined ? orderOf(scope, job.query) : orderNamed(job.after[0], job.query);
  if (order === undefined) {
    throw new Refusal('cursor-invalid', 'The page is of another search: start again at its first page.');
  }
  const matches = firstMatches(scope, job, order);
  const shown = matches.slice(0, job.count);
  const last = shown.at(-1);
  const more = matches.length > shown.length;
  const total = !more && job.after === undefined && job.count > 0 ? shown.length : totalOf(scope, job);
  return {
    rids: shown.map(({ keys }) => Number(keys.at(-1))),
    ...(more && last !== undefined ? { next: [orderName(order), last.part, ...last.keys] as PageKey } : {}), // keys of matches are no blobs
    ...(total === undefined ? {} : { total }),
  };
}

/** One more than asked for, where there is one: it says that there is a next page. */
function firstMatches(scope: Scope, job: SearchJob, order: Order): readonly Match[] {
  if (job.count === 0) return [];
  const limit = job.count + 1;
  const isNatural = job.query.sort.length === 0;
  const [, afterPart, ...after] = job.after ?? [];
  const found: Match[] = [];
  for (const [part, { type, where }] of job.query.parts.entries()) {
    if (isNatural && afterPart !== undefined && part < Number(afterPart)) continue;
    const begins = job.after !== undefined && (!isNatural || part === afterPart);
    const keys = runPart(scope, {
      type,
      where: scope.seen(type, where),
      order,
      limit: isNatural ? limit - found.length : limit,
      ...(begins ? { after } : {}),
      ...(job.asOf === undefined ? {} : { asOf: job.asOf }),
    });
    found.push(...keys.map((one) => ({ part, keys: one })));
    if (isNatural && found.length >= limit) break;
  }
  if (!isNatural && job.query.parts.length > 1)
    found.sort((left, right) => compareKeys(order, left.keys, right.keys));
  return found.slice(0, limit);
}

function totalOf(scope: Scope, job: SearchJob): number | undefined {
  if (job.total === 'none' && job.count > 0) return undefined;
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
