/**
 * When sources are pulled, and what came of it: remembered in the tenant's records, so that of all processes one begins a run.
 *
 *   due ── insert the record `source-run` (one process succeeds) ──▶ a job ──▶ ended ──▶ `source`: the state ── take the record
 *
 * Invariant: a source has one run at a time; the time that the next run asks from moves on when everything that a source
 * had is in, and not before.
 */
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { Job, JobProgress, JobStore } from '../../ports/jobs.js';
import type { Records } from '../../ports/records.js';
import { PULL_TOTAL, SOURCE_KIND } from './source-kind.js';
import type { Sources } from './source-settings.js';
import {
  type FinishedRun,
  readSourceResult,
  readSourceState,
  readUnderwayRun,
  type SourceResult,
  type SourceState,
  type UnderwayRun,
  writeSource,
} from './source-spec.js';

export interface ScheduleParts {
  readonly sources: Sources;
  readonly records: Records;
  readonly jobs: JobStore;
  /** There is work. */
  readonly wake: () => void;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Logger;
  /** The files of a run that are all in. */
  readonly removeFolder: (folder: string) => Promise<void>;
}

const STATE = 'source';
const RUN = 'source-run';
/** A run is written down a moment before its job. */
const GRACE_MILLISECONDS = 60_000;
const FIRST_PAUSE_MILLISECONDS = 60_000;
const LONGEST_PAUSE_MILLISECONDS = 24 * 3_600_000;
const NEVER: SourceState = { failures: 0, due: 0 };

export class SourceSchedule {
  constructor(private readonly parts: ScheduleParts) {}

  /** Settles what has ended and begins what is due. */
  async look(): Promise<void> {
    for (const [name, { every }] of Object.entries(this.parts.sources)) {
      await this.settle(name);
      if (every === undefined) continue;
      const { due } = await this.state(name);
      if (due <= this.parts.clock.now()) await this.begin(name);
    }
  }

  /** False: one is under way. */
  async begin(name: string): Promise<boolean> {
    const { records, jobs, clock, newId, wake } = this.parts;
    const run: UnderwayRun = { job: newId(), began: clock.now() };
    if (!(await records.insert(RUN, name, writeSource(run)))) return false;
    const { since } = await this.state(name);
    const added = await jobs.add({
      id: run.job,
      kind: SOURCE_KIND,
      principal: `source ${name}`,
      spec: writeSource({ source: name, ...(since === undefined ? {} : { since }) }),
      first: { spec: writeSource({ step: 'pull' }), total: PULL_TOTAL },
      limit: 1,
    });
    if (added === undefined) await records.remove(RUN, name);
    else wake();
    return added !== undefined;
  }

  async state(name: string): Promise<SourceState> {
    const text = await this.parts.records.get(STATE, name);
    return text === undefined ? NEVER : readSourceState(text);
  }

  async underway(name: string): Promise<(UnderwayRun & { readonly progress?: JobProgress }) | undefined> {
    const { records, jobs } = this.parts;
    const text = await records.get(RUN, name);
    if (text === undefined) return undefined;
    const run = readUnderwayRun(text);
    const isThere = (await jobs.job(run.job)) !== undefined;
    return isThere ? { ...run, progress: await jobs.progress(run.job) } : run;
  }

  /** Writes down what came of a run that has ended. False: there is none, or it has not. */
  async settle(name: string): Promise<boolean> {
    const { records, jobs, clock } = this.parts;
    const text = await records.get(RUN, name);
    if (text === undefined) return false;
    const run = readUnderwayRun(text);
    const job = await jobs.job(run.job);
    if (job === undefined ? clock.now() - run.began < GRACE_MILLISECONDS : job.state === 'running')
      return false;
    const results = job?.state === 'complete' ? (await jobs.results(job.id)).map(readSourceResult) : [];
    await this.#remember(name, text, finished(run, job, results, clock.now()), results);
    const taken = await records.take(RUN, name);
    if (taken === text) {
      this.#tell(name, await this.state(name));
      return true;
    }
    // Another process has settled this run, and may have begun the next one.
    if (taken !== undefined) await records.insert(RUN, name, taken);
    return false;
  }

  /**
   * Before the run is taken: whoever sees that there is none any more sees what came of it, and when this process is killed
   * the next one to look settles it. Two processes that come here at once write the same.
   */
  async #remember(
    name: string,
    text: string,
    last: FinishedRun,
    results: readonly SourceResult[],
  ): Promise<void> {
    const { records, clock, sources, removeFolder } = this.parts;
    const before = await this.state(name);
    if (before.last?.job === last.job || (await records.get(RUN, name)) !== text) return;
    const every = sources[name]?.every ?? LONGEST_PAUSE_MILLISECONDS;
    const pull = results.find((one) => one.step === 'pull');
    const isAllIn = pull !== undefined && pull.serverErrors === 0;
    const since = isAllIn ? pull.transactionTime : before.since;
    const failures = last.outcome === 'failed' ? before.failures + 1 : 0;
    const pause = Math.min(
      every,
      FIRST_PAUSE_MILLISECONDS * 2 ** Math.max(0, failures - 1),
      LONGEST_PAUSE_MILLISECONDS,
    );
    const due = failures === 0 ? last.began + every : clock.now() + pause;
    if (pull !== undefined) await removeFolder(pull.folder);
    const state = { ...(since === undefined ? {} : { since }), last, failures, due };
    await records.put(STATE, name, writeSource(state));
  }

  #tell(name: string, { last, failures }: SourceState): void {
    if (last === undefined) return;
    const { log } = this.parts;
    const { job, outcome, stored, deleted, refused } = last;
    // Why it failed may be in the source's words, which are no matter of a log: `fairway sources list` has them.
    const facts = { source: name, job, outcome, stored, deleted, refused, failures };
    if (outcome === 'good') log.info(facts, 'a source was pulled');
    else log.warn(facts, 'a source was not pulled as a whole: fairway sources list says why');
  }
}

function finished(
  run: UnderwayRun,
  job: Job | undefined,
  results: readonly SourceResult[],
  ended: number,
): FinishedRun {
  const pull = results.find((one) => one.step === 'pull');
  const files = results.filter((one) => one.step === 'file');
  const refused = files.reduce((sum, one) => sum + one.refused, 0);
  const counts = {
    stored: files.reduce((sum, one) => sum + one.stored, 0),
    deleted: pull?.deleted ?? 0,
    refused,
    errors: files.flatMap(({ errors }) => errors),
  };
  if (pull === undefined) {
    const problem = job?.problem ?? 'The run was cancelled, or forgotten while no server ran.';
    return { ...run, ended, outcome: 'failed', problem, ...counts };
  }
  const problems = [
    ...(pull.serverErrors > 0
      ? [`The source could not export everything (${pull.serverErrors} errors).`]
      : []),
    ...(refused > 0 ? [`Refused here: ${refused}; ${counts.errors.join(', ')} say why.`] : []),
  ];
  if (problems.length === 0) return { ...run, ended, outcome: 'good', ...counts };
  return { ...run, ended, outcome: 'partly', problem: problems.join(' '), ...counts };
}
