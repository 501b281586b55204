/**
 * The writer thread's side of the jobs: one change inside an open transaction.
 *
 * Invariant: a part is changed by who holds its lease alone; a job ends with its last part, and once.
 */
import { CLAIMS, type Claim, FAILURES, type NewPart } from '../../ports/jobs.js';
import type { Connection } from './connection.js';
import type { JobsChange, JobsJob, JobsResult, PartName, PartStep } from './messages.js';

const RUNNING = "SELECT count(*) FROM job WHERE state = 'running' AND kind = ? AND principal = ?";
const ADD = `INSERT INTO job(id, kind, principal, state, spec, position, time, turn)
  VALUES (?, ?, ?, 'running', ?, ?, ?, (SELECT coalesce(max(turn), 0) + 1 FROM job))`;
const ADD_PART = `INSERT INTO job_part(job, number, spec, total)
  VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM job_part WHERE job = ?), ?, ?)`;
const LOOK = 'UPDATE job SET looked = 1 WHERE id = ? AND looked = 0';
const CANCEL =
  "UPDATE job SET state = 'cancelled' WHERE id = ? AND state <> 'cancelled' AND coalesce(expires, 9e15) > ?";
export const CLAIMABLE = `SELECT p.job, p.number, p.claims FROM job j CROSS JOIN job_part p INDEXED BY job_part_open ON p.job = j.id
  WHERE j.state = 'running' AND p.state < 2 AND (p.state = 0 OR p.lease_until <= ?)
  ORDER BY j.turn, p.number LIMIT 1`;
const CLAIM = `UPDATE job_part SET state = 1, lease = ?, lease_until = ?, claims = claims + 1, done = 0
  WHERE job = ? AND number = ?`;
const TURN = 'UPDATE job SET turn = (SELECT max(turn) + 1 FROM job) WHERE id = ?';
const IS_HELD = `job = ? AND number = ? AND lease = ? AND state = 1
  AND (SELECT state FROM job WHERE id = job_part.job) = 'running'`;
const BEAT = `UPDATE job_part SET done = min(?, total), lease_until = ? WHERE ${IS_HELD}`;
const STEP = `UPDATE job_part SET progress = ? WHERE ${IS_HELD}`;
const FINISH = `UPDATE job_part SET state = 2, done = total, result = ?, progress = NULL, lease = NULL, lease_until = NULL
  WHERE ${IS_HELD}`;
const FAIL = `UPDATE job_part SET state = 0, done = 0, lease = NULL, lease_until = NULL, failures = failures + 1
  WHERE ${IS_HELD} RETURNING failures`;
const GIVE_BACK = `UPDATE job_part SET state = 0, done = 0, lease = NULL, lease_until = NULL, claims = claims - 1 WHERE ${IS_HELD}`;
const COMPLETE = `UPDATE job SET state = 'complete', expires = ? WHERE id = ? AND state = 'running'
  AND NOT EXISTS (SELECT 1 FROM job_part WHERE job = ? AND state < 2)`;
const JOB_FAILED =
  "UPDATE job SET state = 'failed', expires = ?, problem = ? WHERE id = ? AND state = 'running'";

const NOTHING: JobsResult = { kind: 'jobs-changed', changed: false };
/** How long a job that failed while nobody worked on it is kept. */
const FAILED_KEPT = 24 * 3600 * 1000;

/** `mark`: a commit position and its time, see Committer. */
export function changeJobs(
  connection: Connection,
  { now, wanted }: JobsJob,
  mark: () => { readonly position: number; readonly time: number },
): JobsResult {
  const change = (sql: string, ...values: (string | number)[]): JobsResult => ({
    kind: 'jobs-changed',
    changed: connection.run(sql, ...values).changes > 0,
  });
  switch (wanted.change) {
    case 'add':
      return add(connection, wanted.job, mark);
    case 'look':
      return change(LOOK, wanted.id);
    case 'cancel':
      return change(CANCEL, wanted.id, now);
    case 'claim':
      return claim(connection, wanted, now);
    case 'beat':
      return change(BEAT, wanted.done, wanted.until, ...held(wanted.part));
    case 'finish':
      return finish(connection, wanted);
    case 'fail':
      return fail(connection, wanted);
    case 'give-back':
      return change(GIVE_BACK, ...held(wanted.part));
    case 'remove':
      connection.run('DELETE FROM job_part WHERE job = ?', wanted.id);
      return change('DELETE FROM job WHERE id = ?', wanted.id);
  }
}

/** Of a commit; false: the part is not the claim's any more. */
export function stepPart(connection: Connection, { part, progress }: PartStep): boolean {
  return connection.run(STEP, progress, ...held(part)).changes > 0;
}

export function partName({ job, part, lease }: Claim): PartName {
  return { id: job.id, number: part, lease };
}

function held({ id, number, lease }: PartName): readonly [string, number, string] {
  return [id, number, lease];
}

function add(
  connection: Connection,
  { id, kind, principal, spec, first, limit }: Extract<JobsChange, { change: 'add' }>['job'],
  mark: () => { readonly position: number; readonly time: number },
): JobsResult {
  const [running = 0] = connection.get<[number]>(RUNNING, kind, principal) ?? [];
  if (running >= limit) return NOTHING;
  const added = mark();
  connection.run(ADD, id, kind, principal, spec, added.position, added.time);
  addParts(connection, id, [first]);
  return { kind: 'jobs-changed', changed: true, added };
}

function addParts(connection: Connection, id: string, parts: readonly NewPart[]): void {
  for (const { spec, total } of parts) connection.run(ADD_PART, id, id, spec, total);
}

/** A part under which processes die again and again fails its job, so that it does not take down all of them for ever. */
function claim(
  connection: Connection,
  { lease, until }: Extract<JobsChange, { change: 'claim' }>,
  now: number,
): JobsResult {
  for (;;) {
    const row = connection.get<[id: string, part: number, claims: number]>(CLAIMABLE, now);
    if (row === undefined) return NOTHING;
    const [id, part, claims] = row;
    if (claims < CLAIMS) {
      connection.run(CLAIM, lease, until, id, part);
      connection.run(TURN, id);
      return { kind: 'jobs-changed', changed: true, claimed: { id, part } };
    }
    const problem = `Processes ended ${CLAIMS} times while they worked on part ${part}.`;
    connection.run(JOB_FAILED, now + FAILED_KEPT, problem, id);
  }
}

function finish(
  connection: Connection,
  { part, outcome, expires }: Extract<JobsChange, { change: 'finish' }>,
): JobsResult {
  if (connection.run(FINISH, outcome.result, ...held(part)).changes === 0) return NOTHING;
  addParts(connection, part.id, outcome.next);
  connection.run(COMPLETE, expires, part.id, part.id);
  return { kind: 'jobs-changed', changed: true };
}

function fail(
  connection: Connection,
  { part, problem, final, expires }: Extract<JobsChange, { change: 'fail' }>,
): JobsResult {
  const [failures] = connection.get<[number]>(FAIL, ...held(part)) ?? [];
  if (failures === undefined) return NOTHING;
  if (final || failures >= FAILURES) connection.run(JOB_FAILED, expires, problem, part.id);
  return { kind: 'jobs-changed', changed: true };
}
