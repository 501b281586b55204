/**
 * What the store notes of custom search parameters, besides the SearchParameter resources themselves:
 *
 *   setting definitions_position   position of the last version that was active, or that followed one that was
 *   parameter_index                how far the walk has come that indexes older resources by a parameter
 *
 * The definitions at a position are those of FHIR and of all SearchParameters that are active then: every process reads
 * the same. Three rules keep the index whole, however many processes write and whenever one of them dies:
 *
 * 1. A commit whose values follow other definitions than those of its own transaction is sent back to be indexed anew.
 * 2. A walk starts in a transaction too, and goes over all that is stored up to that moment (`since`): by rule 1 whatever
 *    is written later has the parameter's values. Each step moves `built_to` on only from where the step before left it.
 * 3. A walk stands for a parameter as long as every version of its SearchParameter since then finds the same values; one
 *    that was retired or changed in between, and be it for a moment, starts over.
 *
 * Invariant: a parameter whose row is complete and stands has its rows for all live resources of the type.
 */
import type { Position } from '../../ports/backend.js';
import type { Cell, Connection } from './connection.js';
import type { IndexingStep, ParameterKey } from './messages.js';

/** Of a version `v`: it is an active SearchParameter. A deletion has no bytes, hence no status. */
export const ACTIVE = "CAST(v.bytes AS TEXT) ->> '$.status' = 'active'";

const DEFINITIONS = "SELECT value FROM setting WHERE name = 'definitions_position'";
const SET_DEFINITIONS = `INSERT INTO setting(name, value) VALUES ('definitions_position', ?)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const WALKS = `SELECT type, code, parameter, signature, since, built_to, done, total, complete FROM parameter_index`;
const STANDING = `SELECT 1 FROM parameter_index
  WHERE type = ? AND code = ? AND parameter = ? AND signature = ? AND since >= ?`;
const COUNT = `SELECT count(*) FROM resource
  WHERE type = (SELECT id FROM type WHERE name = ?) AND live = 1 AND position <= ?`;
const START = `INSERT OR REPLACE INTO parameter_index(type, code, parameter, signature, since, built_to, done, total, complete)
  VALUES (?, ?, ?, ?, ?, 0, 0, ?, 0)`;
const ADVANCE = `UPDATE parameter_index SET built_to = ?, done = min(total, done + ?), complete = ?
  WHERE type = ? AND code = ? AND parameter = ? AND signature = ? AND since = ? AND built_to = ? AND complete = 0`;

export interface Walk {
  readonly key: ParameterKey;
  readonly since: Position;
  readonly builtTo: Position;
  readonly done: number;
  readonly total: number;
  readonly isComplete: boolean;
}

export function definitionsPosition(connection: Connection): Position {
  return Number(connection.get<[Cell]>(DEFINITIONS)?.[0] ?? 0);
}

export function setDefinitionsPosition(connection: Connection, position: Position): void {
  connection.run(SET_DEFINITIONS, position);
}

export function walks(connection: Connection): readonly Walk[] {
  return connection
    .all<[string, string, number, string, number, number, number, number, number]>(WALKS)
    .map(([type, code, parameter, signature, since, builtTo, done, total, complete]) => ({
      key: { type, code, parameter, signature },
      since,
      builtTo,
      done,
      total,
      isComplete: complete === 1,
    }));
}

/** False: a walk for the parameter has started under these definitions already. */
export function startWalk(
  connection: Connection,
  { type, code, parameter, signature }: ParameterKey,
  definitionsAt: Position,
  now: Position,
): boolean {
  if (connection.get(STANDING, type, code, parameter, signature, definitionsAt) !== undefined) return false;
  const [total = 0] = connection.get<[number]>(COUNT, type, now) ?? [];
  connection.run(START, type, code, parameter, signature, now, total);
  return true;
}

/** False: the walk is no longer where the step begins. */
export function advanceWalk(connection: Connection, step: IndexingStep): boolean {
  const { type, code, parameter, signature } = step.key;
  const place = [type, code, parameter, signature, step.since, step.from];
  const moved = connection.run(ADVANCE, step.to, step.resources.length, step.isLast ? 1 : 0, ...place);
  return moved.changes === 1;
}
