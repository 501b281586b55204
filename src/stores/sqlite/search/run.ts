/**
 * Runs one part of a search (one resource type): the first matches in an order, or their number.
 *
 * Invariant: throws OverLimit rather than give a part of an answer when the scope's limits are reached.
 */
import { assert } from '../../../base/assert.js';
import type { Predicate } from '../../../fhir/search/query.js';
import type { Position } from '../../../ports/backend.js';
import { NO_DATE } from '../catalogue.js';
import type { Cell } from '../connection.js';
import { type Driver, naturalDriver, ridsOf, type Source } from './driver.js';
import { and, type Fragment, not, oneOf, raw, sql, TRUE } from './fragment.js';
import type { MergedKeys } from './merged-keys.js';
import { nearestRows } from './nearest.js';
import {
  beyond,
  beyondComputed,
  compareKeys,
  computedOrdering,
  datePhases,
  FROM_THE_START,
  NATURAL,
  type Order,
  type Phase,
  type Reading,
  storedPhase,
} from './order.js';
import {
  countRows,
  MORE_WHERE_QUICK,
  onlyWay,
  type PageBound,
  type Plan,
  planFor,
  WALKED_SOURCES,
} from './plan.js';
import type { RowNames } from './probe.js';
import { ALL_TIME } from './range-test.js';
import { BOUNDED, OverLimit, type Scope } from './scope.js';
import { sortExpression } from './sort-key.js';

export interface PartRequest {
  readonly type: string;
  readonly where: Predicate;
  readonly order: Order;
  readonly reading: Reading;
  readonly limit: number;
  readonly leftOut?: LeftOut;
  /** Hears how the part is run. */
  readonly observer?: Observer;
}

export interface Observer {
  plans(plan: Plan): void;
  /** Which rows are read, undefined = all of the type; in order until the page is full, or all of them and then sorted. */
  reads(driver: Driver | undefined, manner: Manner): void;
  executes(statement: Fragment): void;
}

export type Manner = 'in order' | 'sorted';

/** Resources that the index cannot speak for: it knows what is, and the search asks for what was. */
export interface LeftOut {
  /** All that were changed after this position. */
  readonly changedAfter: Position;
  readonly rids: readonly number[];
}

/** The keys of a match in the order asked for, its rid last. */
export type MatchKeys = readonly Cell[];

export function runPart(scope: Scope, request: PartRequest): readonly MatchKeys[] {
  if (request.limit <= 0) return [];
  const { type, where, order } = request;
  const plan = planFor(scope, type, where, { bound: pageBound(request), order });
  if (plan === undefined) return [];
  request.observer?.plans(plan);
  const run = new PartRun(scope, request, plan);
  switch (order.kind) {
    case 'date':
      return run.byDate(order);
    case 'position':
      return run.byPosition(order);
    case 'stored':
      return run.asStored();
    case 'computed':
      return run.byComputedKeys();
  }
}

function pageBound({ order, reading: { from, backwards } }: PartRequest): PageBound {
  if (order.kind !== 'date' || from === undefined) return 'none';
  if (order.descending && backwards && from[0] === NO_DATE) return 'none'; // all that have a date are still to come
  return order.descending !== backwards ? 'to' : 'from';
}

/** Rids of all matches, in no order; undefined where they are more than `limit` or take too long to find. */
export function listMatches(
  scope: Scope,
  type: string,
  where: Predicate,
  limit: number,
): readonly number[] | undefined {
  const only = onlyWay(scope, type, where);
  const rids = only === undefined ? undefined : ridsOf(only);
  if (only !== undefined && rids !== undefined) {
    const listed = listRows(scope, only, rids, limit);
    if (listed === 'more') return undefined;
    if (listed !== 'undecided') return listed;
  }
  const request: PartRequest = {
    type,
    where,
    order: NATURAL,
    reading: FROM_THE_START,
    limit: limit + 1,
  };
  try {
    const found = runPart(scope, request);
    return found.length > limit ? undefined : found.map((keys) => Number(keys.at(-1)));
  } catch (error) {
    if (error instanceof OverLimit) return undefined;
    throw error;
  }
}

/** A resource may come so many times before the rows of a way in are said to tell too little. */
const ROWS_OF_ONE = 10;

/**
 * What ends with the limit need not be counted before. Rows of an index are skipped in a fraction of the time that it takes to
 * read them. `undecided`: so many rows are of so few resources that they are to be found in another way.
 */
function listRows(
  { connection }: Scope,
  { rough, repeats }: Driver,
  { text, values }: Fragment,
  limit: number,
): readonly number[] | 'more' | 'undecided' {
  const isAsItIs = rough === undefined && !repeats;
  const next = `SELECT 1 FROM (${text}) LIMIT 1 OFFSET ?`;
  if (isAsItIs && connection.get(next, ...values, limit) !== undefined) return 'more';
  for (const most of [limit, ROWS_OF_ONE * limit]) {
    const rids = connection.column<number>(`SELECT rid FROM (${text}) LIMIT ?`, ...values, most + 1);
    const distinct = [...new Set(rids)];
    if (distinct.length > limit) return 'more';
    if (rids.length <= most) return distinct;
  }
  return 'undecided';
}

/** More rows than the thread that others wait for may look at, as far as an index tells without collecting them. */
function isLong(scope: Scope, type: string, driver: Driver): boolean {
  const { candidates } = scope.limits;
  // What reads all rows of a parameter takes as long as there are resources, however few it finds.
  const looked = driver.scans === true ? naturalDriver(scope, type, ALL_TIME) : driver;
  return countRows(scope, looked.rough ?? looked.set, candidates) >= candidates;
}

export function countPart(scope: Scope, type: string, where: Predicate): number {
  const plan = planFor(scope, type, where);
  if (plan === undefined) return 0;
  const driver = plan.driver ?? naturalDriver(scope, type, plan.window);
  if (scope.isBounded && plan.size === undefined && isLong(scope, type, driver)) {
    throw new OverLimit(`count of ${type}`);
  }
  const condition = plan.condition(driver, ROW);
  const counted = driver.repeats ? sql`count(DISTINCT d.rid)` : sql`count(*)`;
  const counting = sql`SELECT ${counted} FROM (${driver.set}) d WHERE ${condition}`;
  return scope.connection.get<[number]>(counting.text, ...counting.values)?.[0] ?? 0;
}

const ROW: RowNames = { rid: raw('d.rid'), date: raw('d.date') };

type DateOrder = Extract<Order, { kind: 'date' }>;
type PositionOrder = Extract<Order, { kind: 'position' }>;

class PartRun {
  readonly #scope: Scope;
  readonly #request: PartRequest;
  readonly #plan: Plan;

  constructor(scope: Scope, request: PartRequest, plan: Plan) {
    this.#scope = scope;
    this.#request = request;
    this.#plan = plan;
  }

  byDate({ descending }: DateOrder): readonly MatchKeys[] {
    const { driver, size, lookUps } = this.#plan;
    if (driver === undefined || size === undefined) return this.#longByDate(descending);
    const { isBounded, limits } = this.#scope;
    if (this.#isNear(driver, size) || isWalked(this.#scope, driver, size))
      return this.#walk(driver, descending);
    // A row that is looked at for its words costs a look-up in the full-text index.
    const isByWords = driver.stored !== undefined;
    if (isByWords || size <= 2 * limits.collected) return this.#collectByDate(driver, descending);
    // The page may be near, however long the way in is: fewer rows are looked at in order than there are to be collected,
    // and fewer still where those are collected in less time than a row in order is looked at.
    const tried = Math.ceil(size / (lookUps(driver) <= 1 ? 8 : 2));
    if (!isBounded && tried <= FOUND_BEFORE) return this.#collectByDate(driver, descending);
    return this.#walkUpTo(tried, this.#sorted(), descending) ?? this.#collectByDate(driver, descending);
  }

  /** Several keys that have many pages of matches as they are: one page takes less time than to sort them all. */
  #isNear(driver: Driver, size: number): boolean {
    const { limit, type } = this.#request;
    const [only, ...others] = driver.sources ?? [];
    if (only?.merged === undefined || others.length > 0 || size < MANY_PAGES * limit) return false;
    return this.#scope.primaryDates.has(type) && this.#condition(driver) === TRUE;
  }

  /** Whichever way there is has too many rows to be collected, or there is none. */
  #longByDate(descending: boolean): readonly MatchKeys[] {
    const { driver, quick } = this.#plan;
    const { isBounded } = this.#scope;
    const isInOrder = driver !== undefined && isWalked(this.#scope, driver, undefined);
    const walked = isInOrder ? driver : this.#sorted();
    if (isBounded && quick !== undefined) return this.#walkOrCollect(walked, quick, descending);
    if (isBounded || isInOrder || driver === undefined) return this.#walk(walked, descending);
    return this.#walkUpTo(TRIED, walked, descending) ?? this.#collectByDate(driver, descending);
  }

  /** A way whose rows are in order, all resources of the type if no other. */
  #sorted(): Driver {
    const { sorted } = this.#plan;
    return sorted !== undefined && isWalked(this.#scope, sorted, undefined) ? sorted : this.#natural();
  }

  byPosition({ descending }: PositionOrder): readonly MatchKeys[] {
    const { driver, size } = this.#plan;
    const { from, backwards } = this.#request.reading;
    const down = descending !== backwards;
    const direction = raw(down ? 'DESC' : 'ASC');
    if (driver !== undefined && size !== undefined) {
      this.#observe(driver, 'sorted');
      const rows = sql`SELECT DISTINCT r.position, d.rid FROM (${driver.set}) d CROSS JOIN resource r ON r.rid = d.rid
        WHERE ${this.#condition(driver)} AND ${from === undefined ? TRUE : beyond(raw('r.position'), raw('d.rid'), from, down)}
        ORDER BY 1 ${direction} LIMIT ${this.#request.limit}`;
      return this.#rows(rows);
    }
    this.#observe(undefined, 'in order');
    // What one resource contains is all at its position.
    const all = sql`SELECT rid, sort_date AS date, position FROM resource INDEXED BY resource_position
      WHERE type = ${this.#scope.catalogue.type(this.#request.type) ?? null} AND live = 1
      AND ${from === undefined ? TRUE : beyond(raw('position'), raw('rid'), from, down)}
      AND ${unchangedBy(raw('position'), this.#request.leftOut)}
      ORDER BY position ${direction}, rid ${direction}`;
    return this.#bounded(
      all,
      (walked) => sql`SELECT d.position, d.rid FROM (${walked}) d WHERE ${this.#condition(undefined)}`,
    );
  }

  asStored(): readonly MatchKeys[] {
    const { driver, size, stored } = this.#plan;
    const { reading, limit } = this.#request;
    const phase = storedPhase(reading);
    // Few rows are read whichever way they were counted; of many, only as many as the page needs.
    const way = size === undefined ? stored : driver;
    assert(way !== undefined, 'the words of a search by words are a way in');
    if (way.stored !== undefined) return this.#inOrder(way, way.stored, [phase], reading.backwards);
    this.#observe(way, 'sorted');
    return this.#rows(sql`SELECT DISTINCT d.rid FROM (${way.set}) d
      WHERE ${this.#condition(way)} AND ${phase.where(ROW.date, ROW.rid)}
      ORDER BY 1 ${raw(reading.backwards ? 'DESC' : 'ASC')} LIMIT ${limit}`);
  }

  byComputedKeys(): readonly MatchKeys[] {
    const { order, reading, type, limit } = this.#request;
    if (order.kind !== 'computed') return [];
    const driver = this.#plan.driver ?? this.#natural();
    this.#observe(driver, 'sorted');
    this.#refuseLong(driver);
    const names = order.keys.map((_, at) => raw(`k${at}`));
    const columns = order.keys.map(
      (key, at) => sql`${sortExpression(this.#scope, type, key, ROW.rid)} AS ${names[at] ?? null}`,
    );
    const list = {
      text: columns.map(({ text }) => text).join(', '),
      values: columns.flatMap(({ values }) => values),
    };
    return this.#rows(sql`SELECT ${raw(names.map(({ text }) => text).join(', '))}, rid FROM
      (SELECT DISTINCT ${list}, d.rid FROM (${driver.set}) d WHERE ${this.#condition(driver)})
      WHERE ${beyondComputed(names, order.keys, reading)}
      ORDER BY ${computedOrdering(names, order.keys, reading)} LIMIT ${limit}`);
  }

  /** The page is near, or the rows of the other way are few enough; else it is as near as the limits let look, or too far. */
  #walkOrCollect(walked: Driver, quick: Driver, descending: boolean): readonly MatchKeys[] {
    const { candidates } = this.#scope.limits;
    const near = this.#walkUpTo(Math.ceil(candidates / 4), walked, descending);
    if (near !== undefined) return near;
    const most = Math.ceil(MORE_WHERE_QUICK * candidates);
    if (countRows(this.#scope, quick.rough ?? quick.set, most) >= most) return this.#walk(walked, descending);
    return this.#collectByDate(quick, descending);
  }

  /** Undefined where so many rows of a source are not enough. */
  #walkUpTo(rows: number, driver: Driver, descending: boolean): readonly MatchKeys[] | undefined {
    try {
      return this.#walk(driver, descending, rows);
    } catch (error) {
      if (error instanceof OverLimit) return undefined;
      throw error;
    }
  }

  #walk(driver: Driver, descending: boolean, rows?: number): readonly MatchKeys[] {
    const { reading } = this.#request;
    const phases = datePhases(descending, reading, this.#plan.isDated);
    return this.#inOrder(driver, driver.sources, phases, descending !== reading.backwards, rows);
  }

  /** Each source is read in order until the page is full; the pages are merged. */
  #inOrder(
    driver: Driver,
    sources: readonly Source[] = [],
    phases: readonly Phase[],
    down: boolean,
    rows?: number,
  ): readonly MatchKeys[] {
    const { order, reading, limit } = this.#request;
    this.#observe(driver, 'in order');
    const keys = raw(order.kind === 'stored' ? 'd.rid' : 'd.date, d.rid');
    const condition = this.#condition(driver);
    const isDated = this.#scope.primaryDates.has(this.#request.type);
    const found: MatchKeys[] = [];
    for (const phase of phases) {
      const wanted = limit - found.length;
      const pages = sources.map(({ walk, passes, merged: several }) => {
        // A row that is looked at may not be a match: then how many keys fill the page is not known.
        const isNear = several !== undefined && isDated && condition === TRUE;
        const nearest = isNear ? this.#nearest(several, phase, down, wanted) : undefined;
        if (nearest !== undefined) return nearest;
        const distinct = raw(several === undefined ? '' : 'DISTINCT');
        const tested = passes === undefined ? condition : and([passes(ROW), condition]);
        return this.#bounded(
          walk(phase, down),
          (walked) => sql`SELECT ${distinct} ${keys} FROM (${walked}) d WHERE ${tested}`,
          wanted,
          rows,
        );
      });
      found.push(...merged(order, reading, pages, limit - found.length));
      if (found.length >= limit) break;
    }
    return found;
  }

  #nearest(
    several: MergedKeys,
    phase: Phase,
    down: boolean,
    wanted: number,
  ): readonly MatchKeys[] | undefined {
    const { connection, limits } = this.#scope;
    const column = <Value extends Cell>(statement: Fragment): Value[] => {
      this.#request.observer?.executes(statement);
      return connection.column<Value>(statement.text, ...statement.values);
    };
    return nearestRows({ merged: several, phase, down, wanted, near: limits.near, column });
  }

  /**
   * The rows are sorted, and then looked at until the page is full, or the other way round: to look at a row costs more than to
   * sort it, unless one look-up tells. They come out sorted as their SELECT has a LIMIT, see `#bounded`.
   */
  #collectByDate(driver: Driver, descending: boolean): readonly MatchKeys[] {
    const { reading, limit } = this.#request;
    this.#observe(driver, 'sorted');
    const direction = raw(descending !== reading.backwards ? 'DESC' : 'ASC');
    const condition = this.#condition(driver);
    const isLookedAtLater = condition !== TRUE && this.#plan.lookUps(driver) > 1;
    const found: MatchKeys[] = [];
    for (const phase of datePhases(descending, reading, this.#plan.isDated)) {
      const wanted = limit - found.length;
      const sorted = sql`SELECT ${raw(driver.repeats ? 'DISTINCT' : '')} d.date, d.rid FROM (${driver.set}) d
        WHERE ${phase.where(ROW.date, ROW.rid)} AND ${isLookedAtLater ? TRUE : condition}
        ORDER BY 1 ${direction}, 2 ${direction} LIMIT ${isLookedAtLater ? -1 : wanted}`;
      found.push(
        ...this.#rows(
          isLookedAtLater
            ? sql`SELECT d.date, d.rid FROM (${sorted}) d WHERE ${condition} LIMIT ${wanted}`
            : sorted,
        ),
      );
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
    atMost?: number,
  ): readonly MatchKeys[] {
    const most = atMost ?? this.#scope.limits.candidates;
    const isLimited = most !== Number.POSITIVE_INFINITY;
    const mayBeCut = isLimited && (atMost !== undefined || this.#plan.size === undefined);
    const walked = sql`${rows} LIMIT ${isLimited ? most : -1}`;
    const found = this.#rows(sql`${over(walked)} LIMIT ${limit}`);
    if (mayBeCut && found.length < limit && countRows(this.#scope, walked, most) >= most) {
      throw new OverLimit(this.#request.type);
    }
    return found;
  }

  #refuseLong(driver: Driver): void {
    const { isBounded, limits } = this.#scope;
    if (!isBounded || (this.#plan.size ?? Number.POSITIVE_INFINITY) <= limits.candidates) return;
    if (isLong(this.#scope, this.#request.type, driver)) throw new OverLimit(this.#request.type);
  }

  #condition(driver: Driver | undefined): Fragment {
    const { leftOut } = this.#request;
    const position = sql`(SELECT position FROM resource WHERE rid = d.rid)`;
    return and([
      this.#plan.condition(driver, ROW),
      unchangedBy(position, leftOut),
      not(oneOf(ROW.rid, leftOut?.rids ?? [])),
    ]);
  }

  #natural(): Driver {
    return naturalDriver(this.#scope, this.#request.type, this.#plan.window);
  }

  #rows<Row extends readonly Cell[] = MatchKeys>(statement: Fragment): Row[] {
    this.#request.observer?.executes(statement);
    return this.#scope.connection.all<Row>(statement.text, ...statement.values);
  }

  #observe(driver: Driver | undefined, manner: Manner): void {
    this.#request.observer?.reads(driver, manner);
  }
}

function unchangedBy(position: Fragment, leftOut: LeftOut | undefined): Fragment {
  return leftOut === undefined ? TRUE : sql`${position} <= ${leftOut.changedAfter}`;
}

/** So many rows are looked at in order before all rows of a long way in are collected. */
const TRIED = 50_000;
/** Within so many rows the thread that asks a reader process would have found the page itself. */
const FOUND_BEFORE = 2 * BOUNDED.candidates;

/** So many pages are worth looking for the one that comes first. */
const MANY_PAGES = 4;

/** Few rows are sorted at once; of many only as many are read as the page needs, where indexes have them sorted. */
function isWalked({ limits: { collected } }: Scope, { sources }: Driver, size: number | undefined): boolean {
  if (sources === undefined) return false;
  if (size === undefined) return sources.length <= WALKED_SOURCES;
  return sources.length <= 1 && (size > collected || sources.every(({ merged }) => merged === undefined));
}

/** Sorted pages of keys as one, without repeated rids. */
function merged(
  order: Order,
  { backwards }: Reading,
  pages: readonly (readonly MatchKeys[])[],
  limit: number,
): readonly MatchKeys[] {
  if (pages.length === 1) return pages[0] ?? [];
  const sorted = pages
    .flat()
    .sort((left, right) => (backwards ? compareKeys(order, right, left) : compareKeys(order, left, right)));
  const result: MatchKeys[] = [];
  for (const keys of sorted) {
    if (result.length >= limit) break;
    if (result.at(-1)?.at(-1) !== keys.at(-1)) result.push(keys);
  }
  return result;
}
