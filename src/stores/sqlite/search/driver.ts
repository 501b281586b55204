/**
 * Ways into a search: indexes that yield a superset of a predicate's matches, as rows of (rid, date).
 *
 * Invariant: every row is a live resource of the type; `covers` says that all rows pass the predicate.
 */

import { foldString } from '../../../fhir/primitives/fold.js';
import type { Predicate, QuantityTest, StringTest, WordsTest } from '../../../fhir/search/query.js';
import { unresolved } from '../../../fhir/search/tree.js';
import type { Param } from '../catalogue.js';
import { firstPositionAt } from '../history.js';
import { AS_WRITTEN, PRESENT } from '../index-rows.js';
import { chainKeys } from './chain-probe.js';
import { comparedText, stringCondition } from './entry-test.js';
import { type Fragment, oneOf, raw, sql, startsWith } from './fragment.js';
import { groupKeys, isKeyTest, type KeySet, keySet } from './key-set.js';
import { type MergedKeys, mergedKeys } from './merged-keys.js';
import type { Phase } from './order.js';
import { askedPairs } from './pairs.js';
import { hasDriver } from './patients-of-codes.js';
import { latitudesOf, positionCondition } from './position-test.js';
import { type RowNames, rids } from './probe.js';
import {
  ALL_TIME,
  lowerEndWindow,
  type RangeTest,
  rangeCondition,
  type Window,
  within,
} from './range-test.js';
import type { Scope } from './scope.js';
import { isWordsParam, roughWordsSet, wordsRows } from './words-test.js';

export interface Driver {
  readonly name: string;
  /** A SELECT of (rid, date), in no order. */
  readonly set: Fragment;
  /** A SELECT of at least as many rows that costs less: for counting, where `set` has more to do. */
  readonly rough?: Fragment;
  /** A SELECT of the rids of `set`, some several times, whose first comes before all are read, where `set` is not one itself. */
  readonly rids?: Fragment;
  /** Its rows in the order of (date, rid), read off indexes. */
  readonly sources?: readonly Source[];
  /** Its rows in the order of rids. */
  readonly stored?: readonly Source[];
  readonly repeats: boolean;
  readonly covers: boolean;
  /** Reads all rows of a parameter, whatever they hold. */
  readonly scans?: boolean;
}

export interface Source {
  /** A SELECT of (rid, date) of the rows of a phase, in order. `down`: the last come first. */
  readonly walk: (phase: Phase, down: boolean) => Fragment;
  /** What else makes a row one of the driver's, where it costs too much to walk to the rows that it is true of. */
  readonly passes?: (row: RowNames) => Fragment;
  /** Several keys, each of which is looked up anew for every row: a row may come twice, one after the other. */
  readonly merged?: MergedKeys;
}

/** More alternatives of different kinds than this are probed instead. */
const UNITED = 100;
/** More sorted sources than this are not merged. */
const MERGED_SOURCES = 64;
/** The first row of each key is looked up before there is a page: with more keys than this, that is too much. */
const MERGED_KEYS = 2_000;

/** Criteria that are one key of the index together, `of` them. */
export function jointDriver(
  scope: Scope,
  type: string,
  members: readonly Predicate[],
  window: Window,
): { readonly of: readonly Predicate[]; readonly driver: Driver } | undefined {
  const pairs = askedPairs(scope, type, members);
  if (pairs === undefined) return undefined;
  const { of, param, keys } = pairs;
  const driver = keyDriver(scope, param, { kind: 'listed', values: keys }, window, scope.arePairsExact);
  return driver === undefined ? undefined : { of, driver };
}

export function driverOf(
  outer: Scope,
  type: string,
  predicate: Predicate,
  window: Window,
): Driver | undefined {
  const scope = outer.scopeOf(predicate);
  switch (predicate.op) {
    case 'id':
      return ridDriver(scope, type, rids(scope, type, predicate.ids), window);
    case 'compartment': {
      const rid = scope.rid(predicate.name, predicate.id);
      const values = rid === undefined ? [] : [rid];
      return keyDriver(scope, scope.param(type, `@${predicate.name}`), { kind: 'listed', values }, window);
    }
    case 'value':
      return valueDriver(scope, type, predicate, window);
    case 'chain': {
      const keys = chainKeys(scope, predicate);
      return keys === undefined
        ? undefined
        : keyDriver(scope, scope.param(type, predicate.param), keys, window);
    }
    case 'has':
      return hasDriver(scope, type, predicate, window);
    case 'last-updated':
      return positionDriver(scope, type, predicate, window);
    case 'or':
      return unionDriver(alternatives(scope, type, predicate.of, window));
    case 'and':
      return oneOfMembers(predicate.of.map((one) => driverOf(scope, type, one, window)));
    case 'named-set':
      return unresolved(predicate);
    case 'not':
      return presentDriver(scope, type, predicate.of, window);
    case 'everything':
    case 'nothing':
    case 'absent':
      return undefined;
  }
}

/** `:missing=false` of a parameter, or of any of several: a reference has what refers by an identifier beside it. */
function presentDriver(scope: Scope, type: string, negated: Predicate, window: Window): Driver | undefined {
  const absent = negated.op === 'and' ? negated.of : [negated];
  const drivers: (Driver | undefined)[] = [];
  for (const one of absent) {
    if (one.op !== 'absent') return undefined;
    drivers.push(presentOf(scope, type, one.param, window));
  }
  const some = drivers.filter((driver) => driver !== NONE);
  if (some.length === 0) return NONE;
  return some.length === 1 ? some[0] : unionDriver(some);
}

/** Ranges have a key of their own for it; of other parameters whatever has a row, in whichever index. */
function presentOf(scope: Scope, type: string, code: string, window: Window): Driver | undefined {
  const param = scope.param(type, code);
  if (param === undefined) return NONE;
  if (scope.primaryDate(type)?.id === param.id) return undefined; // the window, as for tests on it
  if (scope.isPresenceKept(param)) {
    return keyDriver(scope, param, { kind: 'listed', values: [PRESENT] }, window);
  }
  const rows = ['key_index', 'range_index', 'string_index'].map(
    (table) => sql`SELECT rid FROM ${raw(table)} WHERE param = ${param.id}`,
  );
  return { ...ridSet(scope, type, united(rows), window), name: 'present' };
}

/** All resources of a type. */
export function naturalDriver(scope: Scope, type: string, window: Window): Driver {
  const select = sql`SELECT rid, sort_date AS date FROM resource INDEXED BY resource_natural
    WHERE type = ${scope.catalogue.type(type) ?? null} AND live = 1 AND ${within(raw('sort_date'), window)}`;
  const sources = [sorted(select, raw('sort_date'))];
  return { name: 'all', set: select, sources, repeats: false, covers: false };
}

const NONE: Driver = {
  name: 'none',
  set: sql`SELECT 0 AS rid, 0 AS date WHERE 0`,
  sources: [],
  stored: [],
  repeats: false,
  covers: true,
};

function keyDriver(
  { limits }: Scope,
  param: Param | undefined,
  keys: KeySet,
  window: Window,
  covers = true,
): Driver | undefined {
  if (param === undefined) return NONE;
  const dated = within(raw('date'), window);
  const select = sql`SELECT rid, date FROM key_index WHERE param = ${param.id}`;
  if (keys.kind === 'terms') {
    const set = sql`${select} AND value IN (SELECT t.id FROM term t WHERE ${keys.condition}) AND ${dated}`;
    return { name: 'keys', set, repeats: true, covers };
  }
  const { values } = keys;
  if (values.length === 0) return NONE;
  const set = sql`${select} AND ${oneOf(raw('value'), values)} AND ${dated}`;
  const repeats = values.length > 1;
  if (values.length > MERGED_KEYS) return { name: 'keys', set, repeats, covers };
  const sources =
    values.length > limits.apart
      ? [mergedKeys(param, values, window)]
      : values.map((value) => sorted(sql`${select} AND value = ${value} AND ${dated}`, raw('date')));
  return { name: 'keys', set, sources, repeats, covers };
}

/** A SELECT of (rid, date) whose index has them in order. */
function sorted(select: Fragment, date: Fragment): Source {
  const rid = raw('rid');
  return {
    walk: ({ where }, down) => {
      const direction = raw(down ? 'DESC' : 'ASC');
      return sql`${select} AND ${where(date, rid)} ORDER BY ${date} ${direction}, ${rid} ${direction}`;
    },
  };
}

export function ridDriver(scope: Scope, type: string, numbers: readonly number[], window: Window): Driver {
  if (numbers.length === 0) return NONE;
  const set = sql`SELECT rid, sort_date AS date FROM resource
    WHERE ${oneOf(raw('rid'), numbers)} AND type = ${scope.catalogue.type(type) ?? null} AND live = 1
    AND ${within(raw('sort_date'), window)}`;
  return { name: 'ids', set, repeats: false, covers: true };
}

function valueDriver(
  scope: Scope,
  type: string,
  { param: code, test }: Predicate & { op: 'value' },
  window: Window,
): Driver | undefined {
  if (test.kind === 'words') return wordsDriver(scope, type, code, test, window);
  const param = scope.param(type, code);
  if (param === undefined) return NONE;
  if (isKeyTest(test)) return keyDriver(scope, param, keySet(scope, test), window);
  switch (test.kind) {
    case 'string':
      return stringDriver(scope, type, param, test, window);
    case 'position': {
      const { from, to } = latitudesOf(test);
      const set = sql`SELECT rid FROM range_index WHERE param = ${param.id} AND unit = ${AS_WRITTEN}
        AND lo >= ${from} AND lo <= ${to} AND ${positionCondition(test, raw('lo'), raw('hi'))}`;
      return { ...ridSet(scope, type, set, window), name: 'positions on Earth' };
    }
    case 'quantity':
      return quantityDriver(scope, type, param, test, window);
    case 'date':
    case 'number': {
      // The primary date is the window of every other driver, and of the natural one.
      if (scope.primaryDate(type)?.id === param.id) return undefined;
      return rangeDriver(scope, type, param, { test, unit: AS_WRITTEN }, window);
    }
    case 'other':
      return undefined;
    case 'composite': {
      const first = test.components.find(isKeyTest);
      return first === undefined ? undefined : keyDriver(scope, param, keySet(scope, first), window, false);
    }
  }
}

function wordsDriver(scope: Scope, type: string, param: string, test: WordsTest, window: Window): Driver {
  if (!isWordsParam(param, type)) return NONE;
  const typeId = scope.catalogue.type(type) ?? null;
  const rows = wordsRows(scope, typeId, param, test).map(({ select, rid, date }) => {
    return { select: sql`${select} AND ${within(date, window)}`, rid, date };
  });
  const stored = rows.map(({ select, rid, date }): Source => {
    const walk: Source['walk'] = ({ where }, down) =>
      sql`${select} AND ${where(date, rid)} ORDER BY ${rid} ${raw(down ? 'DESC' : 'ASC')}`;
    return { walk };
  });
  const rough = roughWordsSet(scope, typeId, param, test);
  return {
    name: 'words',
    set: united(rows.map(({ select }) => select)),
    rough,
    stored,
    repeats: false,
    covers: true,
  };
}

function rangeDriver(
  scope: Scope,
  type: string,
  param: Param,
  { test, unit }: { readonly test: RangeTest; readonly unit: number },
  window: Window,
): Driver {
  const lower = within(raw('lo'), lowerEndWindow(test, param.maxSpan));
  const condition = rangeCondition(test, raw('lo'), raw('hi'));
  const set = sql`SELECT rid FROM range_index WHERE param = ${param.id} AND unit = ${unit} AND ${lower} AND ${condition}`;
  return { ...ridSet(scope, type, set, window), name: 'ranges', scans: test.prefix === 'ne' };
}

/** Units that convert are one range of the index; others are looked at as written and then by their texts. */
function quantityDriver(
  scope: Scope,
  type: string,
  param: Param,
  test: QuantityTest,
  window: Window,
): Driver {
  const { canonical } = test;
  if (canonical === undefined) {
    const written = rangeDriver(scope, type, param, { test, unit: AS_WRITTEN }, window);
    return { ...written, covers: test.code === undefined };
  }
  const base = scope.catalogue.text(canonical.base);
  if (base === undefined) return NONE;
  return rangeDriver(scope, type, param, { test: { ...test, ...canonical }, unit: base }, window);
}

function stringDriver(
  scope: Scope,
  type: string,
  param: Param,
  { mode, value }: StringTest,
  window: Window,
): Driver {
  const all = sql`SELECT rid FROM string_index WHERE param = ${param.id}`;
  const range = foldedRange(mode, value);
  const condition = range ?? stringCondition({ kind: 'string', mode, value }, raw('folded'), raw('exact'));
  const set = ridSet(scope, type, sql`${all} AND ${condition}`, window);
  return { ...set, name: 'strings', scans: range === undefined };
}

/** What is one stretch of the index. */
function foldedRange(mode: StringTest['mode'], value: string): Fragment | undefined {
  switch (mode) {
    case 'starts':
      return startsWith('folded', value);
    case 'exact':
      return sql`folded = ${foldString(value)} AND exact = ${value}`;
    case 'eq':
    case 'gt':
    case 'lt':
    case 'ge':
    case 'le':
      return comparedText(raw('folded'), mode, value);
    case 'contains':
    case 'ends':
    case 'ne':
      return undefined;
  }
}

function positionDriver(
  scope: Scope,
  type: string,
  { test }: Predicate & { op: 'last-updated' },
  window: Window,
): Driver | undefined {
  const { from, to } = lowerEndWindow(test, 0);
  if (test.prefix === 'ne') return undefined;
  const { connection } = scope;
  const first = from === Number.NEGATIVE_INFINITY ? 0 : firstPositionAt(connection, from);
  const past = to === Number.POSITIVE_INFINITY ? to : firstPositionAt(connection, to + 1);
  const set = sql`SELECT rid, sort_date AS date FROM resource INDEXED BY resource_position
    WHERE type = ${scope.catalogue.type(type) ?? null} AND live = 1 AND position >= ${first} AND position < ${past}
    AND ${within(raw('sort_date'), window)}`;
  return { name: 'positions', set, repeats: false, covers: false };
}

export function unionDriver(drivers: readonly (Driver | undefined)[]): Driver | undefined {
  const parts = drivers.filter((driver) => driver !== undefined && driver !== NONE) as readonly Driver[]; // filtered
  if (drivers.includes(undefined) || parts.length > UNITED) return undefined;
  if (parts.length === 0) return NONE;
  const set = united(parts.map((part) => sql`SELECT rid, date FROM (${part.set})`));
  const sources = parts.flatMap((part) => part.sources ?? []);
  const isSorted = parts.every((part) => part.sources !== undefined) && sources.length <= MERGED_SOURCES;
  const rids = parts.map(ridsOf).filter((one) => one !== undefined);
  return {
    name: 'union',
    set,
    rough: united(parts.map((part) => sql`SELECT rid FROM (${part.rough ?? part.set})`)),
    ...(isSorted ? { sources } : {}),
    ...(rids.length === parts.length ? { rids: united(rids) } : {}),
    repeats: true,
    covers: parts.every((part) => part.covers),
    scans: parts.some((part) => part.scans === true),
  };
}

/** A SELECT of a driver's rids whose first comes before all are read; undefined where there is none. */
export function ridsOf({ rids, rough, set }: Driver): Fragment | undefined {
  return rids ?? (rough === undefined ? sql`SELECT rid FROM (${set})` : undefined);
}

function united(selects: readonly Fragment[]): Fragment {
  return {
    text: selects.map(({ text }) => text).join(' UNION ALL '),
    values: selects.flatMap(({ values }) => values),
  };
}

/** A conjunction inside of an `or`: any of its ways in, whose rows are then probed. */
function oneOfMembers(drivers: readonly (Driver | undefined)[]): Driver | undefined {
  const driver =
    drivers.find((one) => one !== undefined && one.scans !== true) ??
    drivers.find((one) => one !== undefined);
  return driver === undefined || driver === NONE ? driver : { ...driver, covers: false };
}

/** Alternative keys of one parameter are one way in. */
function alternatives(
  scope: Scope,
  type: string,
  of: readonly Predicate[],
  window: Window,
): readonly (Driver | undefined)[] {
  const { keys, others } = groupKeys(scope, of);
  return [
    ...[...keys].map(([param, values]) =>
      keyDriver(scope, scope.param(type, param), { kind: 'listed', values }, window),
    ),
    ...others.map((one) => driverOf(scope, type, one, window)),
  ];
}

/**
 * Rows of an index that does not hold the sort date: where types have one the engine goes along the resources, and sorts the rows to
 * drop what repeats. So the first comes when all were read: `rough` is what is counted.
 */
function ridSet(scope: Scope, type: string, select: Fragment, window: Window): Driver {
  const name = 'set';
  if (!scope.primaryDates.has(type)) {
    return { name, set: sql`SELECT rid, ${UNDATED} AS date FROM (${select})`, repeats: true, covers: true };
  }
  const set = sql`SELECT rid, sort_date AS date FROM resource WHERE rid IN (${select}) AND ${within(raw('sort_date'), window)}`;
  const isAll = window.from === ALL_TIME.from && window.to === ALL_TIME.to;
  return { name, set, rough: select, ...(isAll ? { rids: select } : {}), repeats: false, covers: true };
}

/** The sort date of all resources of a type that has no primary date. */
const UNDATED = raw('0');
