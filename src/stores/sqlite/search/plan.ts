/**
 * Which way into a search is taken: the members of its conjunction that have an index are counted, a few rows at first,
 * until one of them is found to be short.
 *
 * Invariant: the choice changes how long an answer takes, never what it is.
 */
import type { Predicate } from '../../../fhir/search/query.js';
import { lookUpsOf } from './chain-probe.js';
import type { Driver } from './driver.js';
import { driverOf, jointDriver } from './driver.js';
import { and, type Fragment, sql } from './fragment.js';
import type { Order } from './order.js';
import { probe, type RowNames } from './probe.js';
import { ALL_TIME, DATED, DATELESS, intersect, lowerEndWindow, type Window } from './range-test.js';
import type { Scope } from './scope.js';

export interface Plan {
  readonly window: Window;
  /** Fewest rows first where that is known. */
  readonly driver: Driver | undefined;
  /** The number of the driver's rows where they are few enough to be collected. */
  readonly size: number | undefined;
  /** Every match has a primary date: what has none need not be looked for. */
  readonly isDated: boolean;
  /** Any driver whose rows are in no order, and of which none or one look-up each tells whether they are matches. */
  readonly quick: Driver | undefined;
  /** Any driver whose rows are in the order of dates, where the best is long. */
  readonly sorted: Driver | undefined;
  /** Any driver whose rows are in the order of rids. */
  readonly stored: Driver | undefined;
  /** What there was to choose from. */
  readonly ways: readonly Way[];
  /** In how many places of an index a driver's row is looked for to know whether it is a match; Infinity: it takes more. */
  lookUps(driver: Driver): number;
  /** The criteria that each row must pass, given the driver that it came from. */
  probed(driver: Driver | undefined): readonly Predicate[];
  /** What a row must pass, given the driver that it came from. */
  condition(driver: Driver | undefined, row: RowNames): Fragment;
}

/** A criterion that has an index, or several that have one together. */
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
 * Undefined: nothing can match. `bound`: at which end a page key bounds the sort dates already; the engine seeks by
 * one bound at each end, and the page key is the closer one. `order`: in which rows are read; undefined where all are counted.
 */
export function planFor(
  scope: Scope,
  type: string,
  where: Predicate,
  { bound = 'none', order }: { readonly bound?: PageBound; readonly order?: Order } = {},
): Plan | undefined {
  const members = conjunction(scope, where);
  if (members === undefined || scope.catalogue.type(type) === undefined) return undefined;
  const window = without(windowOf(scope, type, members), bound);
  const joint = jointDriver(
    scope,
    type,
    members.map(({ predicate }) => predicate),
    window,
  );
  const ways = new Map<Member, Driver>();
  for (const member of members) {
    // Each has all the rows of what they are together.
    if (joint?.of.includes(member.predicate) === true) continue;
    const driver = driverOf(member.scope, type, member.predicate, window);
    if (driver !== undefined) ways.set(member, driver);
  }
  const drivers = [...(joint === undefined ? [] : [joint.driver]), ...ways.values()].sort(
    (left, right) => Number(left.scans ?? false) - Number(right.scans ?? false),
  );
  const counts = new Map<Driver, Counted>();
  const read = readInOrder(drivers, order);
  const isOf = (member: Member, taken: Driver): boolean =>
    ways.get(member) === taken || (joint?.driver === taken && joint.of.includes(member.predicate));
  const probed = (taken: Driver | undefined): readonly Member[] =>
    members.filter((member) => taken?.covers !== true || !isOf(member, taken));
  const lookUps = (taken: Driver): number =>
    probed(taken).reduce((sum, { scope: inner, predicate }) => sum + lookUpsOf(inner, predicate), 0);
  const quick = drivers.find((one) => one.scans !== true && one.sources === undefined && lookUps(one) <= 1);
  const sorted = drivers.find((one) => one.sources !== undefined);
  // A page is looked for in order first, and only then is it asked how long the other way is (run.ts).
  const isEither = quick !== undefined && sorted !== undefined && isSorted(sorted);
  const isWalkedFirst = scope.isBounded && order?.kind === 'date' && isEither;
  const { candidates, collected } = scope.limits;
  const isPage = read !== undefined && (order?.kind === 'stored' || isNear(read, probed(read).length));
  const [driver, size] =
    read === undefined
      ? shortest(scope, drivers, counts, {
          mayBeLonger: members.length === 1 && order?.kind !== 'date',
          most: isWalkedFirst ? Math.min(collected, candidates) : candidates,
        })
      : [read, isPage ? undefined : fewRows(scope, read, counts)];
  const isWhole = bound === 'none' && driver?.repeats === false && driver.rough === undefined;
  if (isWhole && size !== undefined && probed(driver).length === 0) {
    scope.exactSizes.set(type, new Map(scope.exactSizes.get(type)).set(where, size));
  }
  return {
    window,
    driver,
    size,
    isDated: members.some(
      ({ predicate }) => predicate.op !== 'absent' && sortDates(scope, type, predicate) !== undefined,
    ),
    quick,
    sorted,
    stored: drivers.find((one) => one.stored !== undefined),
    ways: [
      ...(joint === undefined ? [] : [wayOf({ op: 'and', of: joint.of }, joint.driver, counts)]),
      ...[...ways].map(([{ predicate }, one]) => wayOf(predicate, one, counts)),
    ],
    lookUps,
    probed: (taken) => probed(taken).map(({ predicate }) => predicate),
    condition: (taken, row) =>
      and(probed(taken).map((member) => probe(member.scope, type, member.predicate, row))),
  };
}

/** Where all that is asked for is one criterion: the way in whose rows are its matches. */
export function onlyWay(scope: Scope, type: string, where: Predicate): Driver | undefined {
  const [member, ...others] = conjunction(scope, where) ?? [];
  if (member === undefined || others.length > 0 || scope.catalogue.type(type) === undefined) return undefined;
  const window = windowOf(scope, type, [member]);
  const driver = driverOf(member.scope, type, member.predicate, window);
  return driver?.covers === true && driver.scans !== true ? driver : undefined;
}

function wayOf(predicate: Predicate, driver: Driver, counts: ReadonlyMap<Driver, Counted>): Way {
  const counted = counts.get(driver);
  return { predicate, driver, ...(counted === undefined ? {} : { counted }) };
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
  return members
    .map(({ predicate }) => sortDates(scope, type, predicate))
    .filter((window) => window !== undefined)
    .reduce(intersect, ALL_TIME);
}

/** Between which sort dates the matches of a criterion on the type's primary date lie. */
function sortDates(scope: Scope, type: string, predicate: Predicate): Window | undefined {
  const primary = scope.primaryDate(type);
  if (primary === undefined) return undefined;
  if (predicate.op === 'value' && predicate.test.kind === 'date' && predicate.param === primary.code) {
    return lowerEndWindow(predicate.test, primary.maxSpan);
  }
  const isPresence = predicate.op === 'not' && predicate.of.op === 'absent';
  if (isPresence && predicate.of.param === primary.code) return DATED;
  return predicate.op === 'absent' && predicate.param === primary.code ? DATELESS : undefined;
}

/** The only way in has its rows in the order that is asked for: a page of them costs the same however many there are. */
function readInOrder([only, ...others]: readonly Driver[], order: Order | undefined): Driver | undefined {
  if (only === undefined || others.length > 0) return undefined;
  const isInOrder =
    order?.kind === 'stored' ? only.stored !== undefined : order?.kind === 'date' && isSorted(only);
  return isInOrder ? only : undefined;
}

/** Few rows may be collected all the same, and are a total; undefined where they are more. */
function fewRows(scope: Scope, driver: Driver, counts: Map<Driver, Counted>): number | undefined {
  const { collected } = scope.limits;
  const rows = countRows(scope, driver.rough ?? driver.set, collected);
  counts.set(driver, { rows, more: rows >= collected });
  return rows < collected ? rows : undefined;
}

/** To count its rows takes as long as to read a page of them (nearest.ts). */
function isNear({ sources = [] }: Driver, probed: number): boolean {
  return probed === 0 && sources.some(({ merged }) => (merged?.keys.length ?? 0) > COUNTED_KEYS);
}

/** The rows of more keys than this lie in too many places of the index to be counted. */
const COUNTED_KEYS = 64;

/** So many rows are counted at first, then more. */
const LADDER = [64, 512, 2_000, 8_000, 50_000] as const;
/** A way with so few rows is taken at once: to look at them costs no more than to count those of another way. */
const FEW = 20;

/** Rows that are matches as they are cost less to collect than those that are looked at: so many times more are allowed. */
const MORE_WHERE_COVERED = 4;
/** As the former, or as one look-up tells. */
export const MORE_WHERE_QUICK = 2.5;
/** With fewer sorted sources a page is walked to, whatever their length. */
export const WALKED_SOURCES = 16;

/**
 * The driver with the fewest rows and their number, when that is below `most`. `mayBeLonger`: more are counted where its rows
 * are matches as they are, and in no order. In the order of dates a page may be near, which is seen before they are counted.
 */
function shortest(
  scope: Scope,
  drivers: readonly Driver[],
  counts: Map<Driver, Counted>,
  { mayBeLonger, most }: { readonly mayBeLonger: boolean; readonly most: number },
): readonly [Driver | undefined, number | undefined] {
  const last = mayBeLonger && !isWalked(drivers[0]) ? MORE_WHERE_COVERED * most : most;
  const steps = LADDER.filter((step) => step <= last);
  const counted = drivers.filter((driver) => driver.scans !== true);
  // Steps are for finding the shortest early: of one alone the last tells all.
  for (const step of counted.length > 1 ? steps : steps.slice(-1)) {
    let best: readonly [Driver, number] | undefined;
    for (const driver of counted) {
      const enough = best?.[1] ?? step; // one with more rows than the best is of no interest
      if (enough <= FEW && best !== undefined) break;
      const rows = countRows(scope, driver.rough ?? driver.set, enough);
      counts.set(driver, { rows, more: rows >= enough });
      if (rows < enough) best = [driver, rows];
    }
    if (best !== undefined) return best;
  }
  return [drivers[0], undefined];
}

/** Its pages can be read from indexes in order, or its rows need a further look. */
function isWalked(driver: Driver | undefined): boolean {
  return driver?.covers !== true || isSorted(driver);
}

function isSorted({ sources }: Driver): boolean {
  return sources !== undefined && sources.length <= WALKED_SOURCES;
}

/**
 * How many rows a SELECT has, counted up to a limit. Whether there are as many is asked first: the engine skips rows in a third
 * of the time that it takes to count them.
 */
export function countRows({ connection }: Scope, select: Fragment, limit: number): number {
  if (limit <= 0) return 0;
  const last = sql`SELECT 1 FROM (${select}) LIMIT 1 OFFSET ${limit - 1}`;
  if (connection.get(last.text, ...last.values) !== undefined) return limit;
  const counting = sql`SELECT count(*) FROM (${select})`;
  return connection.get<[number]>(counting.text, ...counting.values)?.[0] ?? 0;
}
