/** The jobs in the store's own file: read here, changed by the writer thread (jobs-writer.ts). */
import type { Clock } from '../../base/clock.js';
import type { Job, JobState, JobStore } from '../../ports/jobs.js';
import { CLAIMABLE, partName } from './jobs-writer.js';
import type { JobsChange, JobsResult } from './messages.js';
import type { View } from './view.js';
import type { Writer } from './writer.js';

const JOB = `SELECT id, kind, principal, state, spec, position, time, looked, expires, problem FROM job
  WHERE id = ? AND state <> 'cancelled' AND (expires IS NULL OR expires > ?)`;
const PROGRESS =
  'SELECT count(*), coalesce(sum(state = 2), 0), coalesce(sum(done), 0), coalesce(sum(total), 0) FROM job_part WHERE job = ?';
const RESULTS = 'SELECT result FROM job_part WHERE job = ? AND state = 2 ORDER BY number';
const PART = 'SELECT spec, progress FROM job_part WHERE job = ? AND number = ?';
const ENDED = "SELECT id FROM job WHERE state = 'cancelled' OR expires <= ?";
const WORK = `SELECT EXISTS (SELECT 1 FROM job WHERE state = 'running') OR EXISTS (${ENDED})`;

type JobRow = readonly [
  id: string,
  kind: string,
  principal: string,
  state: string,
  spec: string,
  position: number,
  time: number,
  looked: number,
  expires: number | null,
  problem: string | null,
];

export function sqliteJobs(view: View, writer: Writer, clock: Clock): JobStore {
  const { connection } = view;
  const change = async (wanted: JobsChange): Promise<JobsResult> => {
    const result = await writer.changeJobs(wanted);
    view.expire(); // who hears of it finds it
    return result;
  };
  const job = (id: string): Job | undefined => {
    const row = connection.get<JobRow>(JOB, id, clock.now());
    return row === undefined ? undefined : jobOf(row);
  };
  return {
    add: async (added) => (await change({ change: 'add', job: added })).added,
    job,
    progress: (id) => {
      const [parts = 0, finishedParts = 0, done = 0, total = 0] =
        connection.get<[number, number, number, number]>(PROGRESS, id) ?? [];
      return { parts, finishedParts, done, total };
    },
    results: (id) => connection.column<string>(RESULTS, id),
    look: async (id) => {
      await change({ change: 'look', id });
    },
    cancel: async (id) => (await change({ change: 'cancel', id })).changed,
    claim: async (lease, until) => {
      // Most looks find nothing, and need not write.
      if (connection.get(CLAIMABLE, clock.now()) === undefined) return undefined;
      const { claimed } = await change({ change: 'claim', lease, until });
      const found = claimed === undefined ? undefined : job(claimed.id);
      if (claimed === undefined || found === undefined) return undefined;
      const [spec = '', progress = null] =
        connection.get<[string, string | null]>(PART, claimed.id, claimed.part) ?? [];
      return { job: found, part: claimed.part, spec, lease, ...(progress === null ? {} : { progress }) };
    },
    beat: async (claim, done, until) =>
      (await change({ change: 'beat', part: partName(claim), done, until })).changed,
    finish: async (claim, outcome, expires) =>
      (await change({ change: 'finish', part: partName(claim), outcome, expires })).changed,
    fail: async (claim, problem, final, expires) => {
      await change({ change: 'fail', part: partName(claim), problem, final, expires });
    },
    giveBack: async (claim) => {
      await change({ change: 'give-back', part: partName(claim) });
    },
    hasWork: () => connection.get<[number]>(WORK, clock.now())?.[0] === 1,
    ended: () => connection.column<string>(ENDED, clock.now()),
    remove: async (id) => {
      await change({ change: 'remove', id });
    },
  };
}

function jobOf([id, kind, principal, state, spec, position, time, looked, expires, problem]: JobRow): Job {
  return {
    id,
    kind,
    principal,
    state: state as JobState, // written by jobs-writer.ts alone
    spec,
    position,
    time,
    looked: looked === 1,
    ...(expires === null ? {} : { expires }),
    ...(problem === null ? {} : { problem }),
  };
}
