/**
 * The way into `_has:…:patient:code`: the patients that a code has resources of are one stretch of the index (pair-key.ts), in
 * the order in which patients are walked.
 */
import { PAIR_RIDS } from '../pair-key.js';
import { type HasPredicate, hasTargets, pairsOfHas } from './chain-probe.js';
import { type Driver, ridDriver, type Source, unionDriver } from './driver.js';
import { type Fragment, raw, sql } from './fragment.js';
import { type Window, within } from './range-test.js';
import type { Scope } from './scope.js';

export function hasDriver(scope: Scope, type: string, has: HasPredicate, window: Window): Driver | undefined {
  const targets = hasTargets(scope, has);
  if (targets !== undefined) return ridDriver(scope, type, targets, window);
  const pairs = pairsOfHas(scope, has);
  if (pairs === undefined) return undefined;
  const { param, bases, isTold } = pairs;
  const [one, ...others] = bases.map((base) =>
    ofOneCode(scope, type, { param, base, covers: isTold }, window),
  );
  if (one === undefined || others.length === 0) return one;
  return unionDriver([one, ...others]);
}

/** The patients of one code. `base`: what their integers are added to. */
interface OneCode {
  readonly param: number;
  readonly base: number;
  readonly covers: boolean;
}

function ofOneCode(scope: Scope, type: string, { param, base, covers }: OneCode, window: Window): Driver {
  const rows = sql`FROM key_index WHERE param = ${param} AND value >= ${base} AND value < ${base + PAIR_RIDS}`;
  const live = (rid: Fragment): Fragment =>
    sql`r.rid = ${rid} AND r.type = ${scope.catalogue.type(type) ?? null} AND r.live = 1`;
  const set = sql`SELECT r.rid, r.sort_date AS date FROM (SELECT DISTINCT value ${rows}) p
    CROSS JOIN resource r ON ${live(sql`p.value - ${base}`)} WHERE ${within(raw('r.sort_date'), window)}`;
  // Patients have no primary date, so rows by rid are in order.
  const sources = scope.primaryDates.has(type) ? {} : { sources: [oneByOne(param, base, live)] };
  const rough = sql`SELECT value AS rid ${rows}`;
  return { name: 'keys', set, rough, ...sources, repeats: false, covers };
}

/**
 * From one patient to the next, however many resources each has: their pairs are skipped by seeking the key behind them. A
 * recursive SELECT that makes one row of one has them in that order.
 */
function oneByOne(param: number, base: number, live: (rid: Fragment) => Fragment): Source {
  const [least, end] = [sql`n.value >= ${base}`, sql`n.value < ${base + PAIR_RIDS}`];
  const walk: Source['walk'] = ({ where, after }, down) => {
    const [begin, stop] = down ? [end, least] : [least, end];
    const [beyond, direction] = [raw(down ? '<' : '>'), raw(down ? 'DESC' : 'ASC')];
    // One bound to seek by at either end: the engine takes the first that it reads.
    const next = (from: Fragment): Fragment => sql`(SELECT n.value FROM key_index n
      WHERE n.param = ${param} AND ${from} AND ${stop} ORDER BY n.value ${direction} LIMIT 1)`;
    return sql`SELECT value - ${base} AS rid, 0 AS date FROM (WITH RECURSIVE p(value) AS (
      SELECT ${next(after === undefined ? begin : sql`n.value ${beyond} ${base + after}`)} UNION ALL
      SELECT ${next(sql`n.value ${beyond} p.value`)} FROM p WHERE p.value IS NOT NULL)
      SELECT value FROM p) WHERE value IS NOT NULL AND ${where(raw('0'), sql`value - ${base}`)}`;
  };
  return { walk, passes: ({ rid }) => sql`EXISTS (SELECT 1 FROM resource r WHERE ${live(rid)})` };
}
