/**
 * Which way into a search is taken: the members of its conjunction that have an index are counted, a few rows at first,
 * until one of them is found to be short.
 *
 * Invariant: the choice changes how long an answer takes, never what it is.
 */
import type { DateTest, Predicate } from '../../../fhir/search/query.js';
import type { Driver } from './driver.js';
import { driverOf, jointDriver } from './driver.js';
import { and, type Fragment, sql } from './fragment.js';
import { probe, type RowNames } from './probe.js';
import { ALL_TIME, intersect, lowerEndWindow, type Window } from './range-test.js';
import type { Scope } from './scope.js';

export interface Plan {
  readonly window: Window;
  /** Fewest rows first where that is known. */
  readonly driver: Driver | undefined;
  /** The number of the driver's rows where they are few enough to be collected. */
  readonly size: number | undefined;
  /** Every match has a primary date: what has none need not be looked for. */
  readonly isDated: boolean;
  /** Any other driver that is sorted, where the best is long. */
  readonly sorted: Driver | undefined;
  /** What there was to choose from. */
  readonly ways: readonly Way[];
  /** The criteria that each row must pass, given the driver that it came from. */
  probed(driver: Driver | undefined): readonly Predicate[];
  /** What a row must pass, given the driver that it came from. */
  condition(driver: Driver | undefined, row: RowNames): Fragment;
}

/** A criterion that has an index. */
export interface Way {
  readonly predicate: Predicate;
  readonly driver: Driver;
  /** Rows that were counted, and whether there are more. */
  readonly counted?: Counted;
}

export interface Counted {
  readonly rows: number;
  readonly more: boolean;
}

/**
 * Undefined: nothing can match. `bounded`: at which end a page key bounds the sort dates already; the engine seeks by
 * one bound at each end, and the page key is the closer one.
 */
export function planFor(
  scope: Scope,
  type: string,
  where: Predicate,
  bounded: PageBound = 'none',
): Plan | undefined {
  const members = conjunction(scope, where);
  if (members === undefined || scope.catalogue.type(type) === undefined) return undefined;
  const window = without(windowOf(scope, type, members), bounded);
  const ways = new Map<Member, Driver>();
  for (const member of members) {
    const driver = driverOf(member.scope, type, member.predicate, window);
    if (driver !== undefined) ways.set(member, driver);
  }
  const joint = jointDriver(
    scope,
    type,
    members.map(({ predicate }) => predicate),
    window,
  );
  const drivers = [...ways.values(), ...(joint === undefined ? [] : [joint])].sort(
    (left, right) => Number(left.scans ?? false) - Number(right.scans ?? false),
  );
  const counts = new Map<Driver, Counted>();
  const [driver, size] = shortest(scope, drivers, counts, members.length === 1);
  const probed = (taken: Driver | undefined): readonly Member[] =>
    members.filter((member) => taken === undefined || ways.get(member) !== taken || !taken.covers);
  const isWhole = bounded === 'none' && driver?.repeats === false && driver.rough === undefined;
  if (isWhole && size !== undefined && probed(driver).length === 0) scope.exactSizes.set(where, size);
  return {
    window,
    driver,
    size,
    isDated: members.some(({ predicate }) => primaryDateTest(scope, type, predicate) !== undefined),
    sorted: drivers.find((one) => one.sources !== undefined),
    ways: [...ways].map(([{ predicate }, one]) => {
      const counted = counts.get(one);
      return { predicate, driver: one, ...(counted === undefined ? {} : { counted }) };
    }),
    probed: (taken) => probed(taken).map(({ predicate }) => predicate),
    condition: (taken, row) =>
      and(probed(taken).map((member) => probe(member.scope, type, member.predicate, row))),
  };
}

export type PageBound = 'none' | 'from' | 'to';

function without(window: Window, bounded: PageBound): Window {
  return bounded === 'none' ? window : { ...window, [bounded]: ALL_TIME[bounded] };
}

/** A condition that every match passes, and the scope that it is evaluated in. */
interface Member {
  readonly predicate: Predicate;
  readonly scope: Scope;
}

/** The members of nested `and`s; undefined where one of them is `nothing`. */
function conjunction(outer: Scope, where: Predicate): readonly Member[] | undefined {
  const scope = outer.scopeOf(where);
  if (where.op === 'nothing') return undefined;
  if (where.op === 'everything') return [];
  if (where.op !== 'and') return [{ predicate: where, scope }];
  const members: Member[] = [];
  for (const one of where.of) {
    const inner = conjunction(scope, one);
    if (inner === undefined) return undefined;
    members.push(...inner);
  }
  return members;
}

/** Between which sort dates all matches lie. */
function windowOf(scope: Scope, type: string, members: readonly Member[]): Window {
  const span = scope.primaryDate(type)?.maxSpan ?? 0;
  return members
    .map(({ predicate }) => primaryDateTest(scope, type, predicate))
    .filter((test) => test !== undefined)
    .reduce((window, test) => intersect(window, lowerEndWindow(test, span)), ALL_TIME);
}

/** The test of a criterion on the type's primary date. */
function primaryDateTest(scope: Scope, type: string, predicate: Predicate): DateTest | undefined {
  if (predicate.op !== 'value' || predicate.test.kind !== 'date') return undefined;
  return predicate.param === scope.primaryDate(type)?.code ? predicate.test : undefined;
}

/** So many rows are counted at first, then more. */
const LADDER = [64, 512, 2_000, 8_000, 50_000] as const;
/** A way with so few rows is taken at once: to look at them costs no more than to count those of another way. */
const FEW = 20;

/** Rows that are matches as they are cost less to collect than those that are looked at: so many times more are allowed. */
const MORE_WHERE_COVERED = 4;
/** With fewer sorted sources a page is walked to, whatever their length. */
export const WALKED_SOURCES = 16;

/** The driver with the fewest rows and their number, when that is within what may be collected. */
function shortest(
  scope: Scope,
  drivers: readonly Driver[],
  counts: Map<Driver, Counted>,
  isOnly: boolean,
): readonly [Driver | undefined, number | undefined] {
  for (const step of LADDER) {
    const isBeyond = step > scope.limits.candidates;
    if (step > MORE_WHERE_COVERED * scope.limits.candidates) break;
    if (isBeyond && (!isOnly || isWalked(drivers[0]))) break;
    let best: readonly [Driver, number] | undefined;
    for (const driver of drivers) {
      if (driver.scans === true) continue;
      const enough = best?.[1] ?? step; // one with more rows than the best is of no interest
      if (enough <= FEW && best !== undefined) break;
      const counted = countRows(scope, driver.rough ?? driver.set, enough);
      counts.set(driver, { rows: counted, more: counted >= enough });
      if (counted < enough) best = [driver, counted];
    }
    if (best !== undefined) return best;
  }
  return [drivers[0], undefined];
}

/** Its pages can be read from indexes in order, or its rows need a further look. */
function isWalked(driver: Driver | undefined): boolean {
  const sources = driver?.sources;
  return driver?.covers !== true || (sources !== undefined && sources.length <= WALKED_SOURCES);
}

/** How many rows a SELECT has, counted up to a limit. */
export function countRows({ connection }: Scope, select: Fragment, limit: number): number {
  const counting = sql`SELECT count(*) FROM (SELECT 1 FROM (${select}) LIMIT ${limit})`;
  return connection.get<[number]>(counting.text, ...counting.values)?.[0] ?? 0;
}
