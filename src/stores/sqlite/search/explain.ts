/**
 * How the store goes about one part of a search: the indexes that it looked at, the one that it reads, what is tested
 * on each row, and how SQLite describes the statements.
 * https://www.sqlite.org/eqp.html
 *
 * Invariant: runs the same code as the search does, and tells what that code said.
 */
import type { QueryPart } from '../../../fhir/search/query.js';
import type { PartExplanation, WayExplanation } from '../../../ports/backend.js';
import type { Driver } from './driver.js';
import type { Fragment } from './fragment.js';
import { FROM_THE_START, type Order } from './order.js';
import type { Plan, Way } from './plan.js';
import { type Manner, type Observer, runPart } from './run.js';
import { OverLimit, type Scope } from './scope.js';

/** By the name of a driver: the table or index that it reads. */
const INDEXES: Readonly<Record<string, string>> = {
  all: 'resource_natural',
  ids: 'resource',
  keys: 'key_index',
  positions: 'resource_position',
  ranges: 'range_index',
  strings: 'string_index',
  union: 'several indexes',
  none: 'nothing',
};

export function explainPart(
  scope: Scope,
  { type, where }: QueryPart,
  order: Order,
  limit: number,
): PartExplanation {
  const observed = new Observed();
  try {
    const reading = FROM_THE_START;
    runPart(scope, { type, where: scope.seen(type, where), order, reading, limit, observer: observed });
  } catch (error) {
    if (!(error instanceof OverLimit)) throw error; // what was observed before it is what there is to tell
  }
  const { plan, driver, manner, statements } = observed;
  if (plan === undefined) return { type, possible: false, ways: [], tested: [], engine: [] };
  const index = indexOf(driver, order);
  return {
    type,
    possible: true,
    ways: plan.ways.map(wayOf),
    ...(manner === undefined ? {} : { chosen: { index, sorted: manner === 'in order' } }),
    tested: plan.probed(driver),
    engine: statements.flatMap((statement) => engineLines(scope, statement)),
  };
}

class Observed implements Observer {
  plan: Plan | undefined;
  driver: Driver | undefined;
  manner: Manner | undefined;
  readonly statements: Fragment[] = [];

  plans(plan: Plan): void {
    this.plan = plan;
  }

  reads(driver: Driver | undefined, manner: Manner): void {
    this.driver = driver;
    this.manner = manner;
  }

  executes(statement: Fragment): void {
    this.statements.push(statement);
  }
}

function wayOf({ predicate, driver, counted }: Way): WayExplanation {
  return {
    criterion: predicate,
    index: INDEXES[driver.name] ?? driver.name,
    ...(counted === undefined ? {} : { counted }),
  };
}

function indexOf(driver: Driver | undefined, order: Order): string {
  if (driver !== undefined) return INDEXES[driver.name] ?? driver.name;
  return order.kind === 'position' ? 'resource_position' : 'resource_natural';
}

type PlanRow = readonly [id: number, parent: number, unused: number, detail: string];

function engineLines({ connection }: Scope, { text, values }: Fragment): readonly string[] {
  return connection.all<PlanRow>(`EXPLAIN QUERY PLAN ${text}`, ...values).map(([, , , detail]) => detail);
}
