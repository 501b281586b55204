/**
 * Runs one part of a search (one resource type): the first matches in an order, or their number.
 *
 * Invariant: throws OverLimit rather than give a part of an answer when the scope's limits are reached.
 */
import type { Predicate } from '../../../fhir/search/query.js';
import type { Position } from '../../../ports/backend.js';
import type { Cell } from '../connection.js';
import { type Driver, naturalDriver, type Source } from './driver.js';
import { and, type Fragment, raw, sql, TRUE } from './fragment.js';
import { beyond, beyondComputed, compareKeys, datePhases, NATURAL, type Order, type Phase } from './order.js';
import { countRows, type PageBound, type Plan, planFor } from './plan.js';
import type { RowNames } from './probe.js';
import { OverLimit, type Scope } from './scope.js';
import { sortExpression } from './sort-key.js';

export interface PartRequest {
  readonly type: string;
  readonly where: Predicate;
  readonly order: Order;
  /** Keys of the last match of the page before. */
  readonly after?: readonly Cell[];
  readonly limit: number;
  /** Resources that were changed after this position are left out. */
  readonly asOf?: Position;
}

/** The keys of a match in the order asked for, its rid last. */
export type MatchKeys = readonly Cell[];

export function runPart(scope: Scope, request: PartRequest): readonly MatchKeys[] {
  if (request.limit <= 0) return [];
  const plan = planFor(scope, request.type, request.where, pageBound(request));
  if (plan === undefined) return [];
  const run = new PartRun(scope, request, plan);
  switch (request.order.kind) {
    case 'date':
      return run.byDate(request.order.descending);
    case 'position':
      return run.byPosition(request.order.descending);
    case 'computed':
      return run.byComputedKeys();
  }
}

function pageBound({ order, after }: PartRequest): PageBound {
  if (order.kind !== 'date' || after === undefined) return 'none';
  return order.descending ? 'to' : 'from';
}

/** Rids of all matches, in no order; undefined where they are more than `limit` or take too long to find. */
export function listMatches(
  scope: Scope,
  type: string,
  where: Predicate,
  limit: number,
): readonly number[] | undefined {
  try {
    const found = runPart(scope, { type, where, order: NATURAL, limit: limit + 1 });
    return found.length > limit ? undefined : found.map((keys) => Number(keys.at(-1)));
  } catch (error) {
    if (error instanceof OverLimit) return undefined;
    throw error;
  }
}

export function countPart(scope: Scope, type: string, where: Predicate): number {
  const plan = planFor(scope, type, where);
  if (plan === undefined) return 0;
  const driver = plan.driver ?? naturalDriver(scope, type, plan.window);
  if (
    scope.isBounded &&
    plan.size === undefined &&
    countRows(scope, driver.set, scope.limits.candidates) >= scope.limits.candidates
  ) {
    throw new OverLimit(`count of ${type}`);
  }
  const condition = plan.condition(driver, ROW);
  const counted = driver.repeats ? sql`count(DISTINCT d.rid)` : sql`count(*)`;
  const counting = sql`SELECT ${counted} FROM (${driver.set}) d WHERE ${condition}`;
  return scope.connection.get<[number]>(counting.text, ...counting.values)?.[0] ?? 0;
}

const ROW: RowNames = { rid: raw('d.rid'), date: raw('d.date') };

class PartRun {
  readonly #scope: Scope;
  readonly #request: PartRequest;
  readonly #plan: Plan;

  constructor(scope: Scope, request: PartRequest, plan: Plan) {
    this.#scope = scope;
    this.#request = request;
    this.#plan = plan;
  }

  byDate(descending: boolean): readonly MatchKeys[] {
    const { driver, size, sorted } = this.#plan;
    const sources = driver?.sources;
    // Few rows are sorted at once; of many rows only as many are read as the page needs, where an index has them sorted.
    if (
      driver !== undefined &&
      sources !== undefined &&
      sources.length <= (size === undefined ? MERGED : 1)
    ) {
      return this.#walk(driver, sources, descending);
    }
    if (driver !== undefined && (size !== undefined || !this.#scope.isBounded)) {
      return this.#collectByDate(driver, descending);
    }
    const walked = sorted ?? this.#natural();
    return this.#walk(walked, walked.sources ?? [], descending);
  }

  byPosition(descending: boolean): readonly MatchKeys[] {
    const { driver, size } = this.#plan;
    const { after } = this.#request;
    const direction = raw(descending ? 'DESC' : 'ASC');
    if (driver !== undefined && size !== undefined) {
      const rows = sql`SELECT DISTINCT r.position, d.rid FROM (${driver.set}) d CROSS JOIN resource r ON r.rid = d.rid
        WHERE ${this.#condition(driver)} AND ${after === undefined ? TRUE : beyond(raw('r.position'), raw('d.rid'), after, descending)}
        ORDER BY 1 ${direction} LIMIT ${this.#request.limit}`;
      return this.#rows(rows);
    }
    const all = sql`SELECT rid, sort_date AS date, position FROM resource INDEXED BY resource_position
      WHERE type = ${this.#scope.catalogue.type(this.#request.type) ?? null} AND live = 1
      AND ${after === undefined ? TRUE : sql`position ${raw(descending ? '<' : '>')} ${after[0] ?? null}`}
      ORDER BY position ${direction}`;
    return this.#bounded(
      all,
      (walked) => sql`SELECT d.position, d.rid FROM (${walked}) d WHERE ${this.#condition(undefined)}`,
    );
  }

  byComputedKeys(): readonly MatchKeys[] {
    const { order, after, type, limit } = this.#request;
    if (order.kind !== 'computed') return [];
    const driver = this.#plan.driver ?? this.#natural();
    this.#refuseLong(driver);
    const names = order.keys.map((_, at) => raw(`k${at}`));
    const columns = order.keys.map(
      (key, at) => sql`${sortExpression(this.#scope, type, key, ROW.rid)} AS ${names[at] ?? null}`,
    );
    const ordering = order.keys
      .map((key, at) => `k${at} IS NULL, k${at} ${key.descending ? 'DESC' : 'ASC'}`)
      .join(', ');
    const list = {
      text: columns.map(({ text }) => text).join(', '),
      values: columns.flatMap(({ values }) => values),
    };
    return this.#rows(sql`SELECT ${raw(names.map(({ text }) => text).join(', '))}, rid FROM
      (SELECT DISTINCT ${list}, d.rid FROM (${driver.set}) d WHERE ${this.#condition(driver)})
      WHERE ${after === undefined ? TRUE : beyondComputed(names, order.keys, after)}
      ORDER BY ${raw(ordering)}, rid LIMIT ${limit}`);
  }

  /** Each source is read in order until the page is full; the pages are merged. */
  #walk(driver: Driver, sources: readonly Source[], descending: boolean): readonly MatchKeys[] {
    const { order, after, limit } = this.#request;
    const found: MatchKeys[] = [];
    for (const phase of datePhases(descending, after, this.#plan.isDated)) {
      const pages = sources.map((source) =>
        this.#walkSource(driver, source, phase, descending, limit - found.length),
      );
      found.push(...merged(order, pages, limit - found.length));
      if (found.length >= limit) break;
    }
    return found;
  }

  #walkSource(
    driver: Driver,
    { select, date, rid }: Source,
    phase: Phase,
    descending: boolean,
    limit: number,
  ): readonly MatchKeys[] {
    const direction = descending ? 'DESC' : 'ASC';
    const rows = sql`${select} AND ${phase(date, rid)}
      ORDER BY ${date} ${raw(direction)}, ${rid} ${raw(direction)}`;
    return this.#bounded(
      rows,
      (walked) => sql`SELECT d.date, d.rid FROM (${walked}) d WHERE ${this.#condition(driver)}`,
      limit,
    );
  }

  #collectByDate(driver: Driver, descending: boolean): readonly MatchKeys[] {
    const { after, limit } = this.#request;
    const direction = raw(descending ? 'DESC' : 'ASC');
    const found: MatchKeys[] = [];
    for (const phase of datePhases(descending, after, this.#plan.isDated)) {
      const rows = sql`SELECT DISTINCT d.date, d.rid FROM (${driver.set}) d WHERE ${phase(ROW.date, ROW.rid)}
        AND ${this.#condition(driver)}
        ORDER BY 1 ${direction}, 2 ${direction} LIMIT ${limit - found.length}`;
      found.push(...this.#rows(rows));
      if (found.length >= limit) break;
    }
    return found;
  }

  /**
   * The first matches among the rows of a sorted SELECT. Where rows are limited the SELECT is a subquery with a LIMIT:
   * the engine then yields its rows one by one and stops with the page.
   */
  #bounded(
    rows: Fragment,
    over: (walked: Fragment) => Fragment,
    limit = this.#request.limit,
  ): readonly MatchKeys[] {
    const { candidates } = this.#scope.limits;
    const mayBeCut = this.#scope.isBounded && this.#plan.size === undefined;
    const walked = sql`${rows} LIMIT ${this.#scope.isBounded ? candidates : -1}`;
    const found = this.#rows(sql`${over(walked)} LIMIT ${limit}`);
    if (mayBeCut && found.length < limit && countRows(this.#scope, walked, candidates) >= candidates) {
      throw new OverLimit(this.#request.type);
    }
    return found;
  }

  #refuseLong(driver: Driver): void {
    const { isBounded, limits } = this.#scope;
    if (!isBounded || this.#plan.size !== undefined) return;
    if (driver.scans === true || countRows(this.#scope, driver.set, limits.candidates) >= limits.candidates) {
      throw new OverLimit(this.#request.type);
    }
  }

  #condition(driver: Driver | undefined): Fragment {
    const { asOf } = this.#request;
    const unchanged =
      asOf === undefined ? TRUE : sql`(SELECT position FROM resource WHERE rid = d.rid) <= ${asOf}`;
    return and([this.#plan.condition(driver, ROW), unchanged]);
  }

  #natural(): Driver {
    return naturalDriver(this.#scope, this.#request.type, this.#plan.window);
  }

  #rows({ text, values }: Fragment): readonly MatchKeys[] {
    return this.#scope.connection.all<Cell[]>(text, ...values);
  }
}

/** So many sorted sources are merged rather than collected. */
const MERGED = 16;

/** Sorted pages of keys as one, without repeated rids. */
export function merged(
  order: Order,
  pages: readonly (readonly MatchKeys[])[],
  limit: number,
): readonly MatchKeys[] {
  if (pages.length === 1) return pages[0] ?? [];
  const sorted = pages.flat().sort((left, right) => compareKeys(order, left, right));
  const result: MatchKeys[] = [];
  for (const keys of sorted) {
    if (result.length >= limit) break;
    if (result.at(-1)?.at(-1) !== keys.at(-1)) result.push(keys);
  }
  return result;
}
