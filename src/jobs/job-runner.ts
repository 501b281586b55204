/**
 * Claims parts of jobs and does them, one at a time; any number of runners in any processes share a store.
 *
 *   claim ──▶ kind.run ── every third of a lease: beat ──▶ finish          the lease is longer than any step
 *                 └ lost, cancelled, failed: its files are deleted
 *
 * Invariant: a process that is killed leaves a part that is claimed again when its lease has ended, and files that nobody
 * names, which go with the job.
 */
import type { Logger } from '../base/log.js';
import { Refusal } from '../fhir/outcome.js';
import type { TenantParts } from '../interactions/context.js';
import type { Fetcher } from '../net/fetcher.js';
import type { BlobWriter } from '../ports/blobs.js';
import type { Claim, PartOutcome } from '../ports/jobs.js';
import {
  type JobFileWriter,
  type JobKind,
  type KindSettings,
  LeaseLost,
  type Workbench,
} from './job-kind.js';

export interface RunnerParts {
  readonly parts: TenantParts;
  readonly kinds: Readonly<Record<string, JobKind>>;
  readonly fetcher: Fetcher;
  readonly settings: KindSettings & {
    /** Milliseconds after which a part whose process is silent is taken over. */
    readonly lease: number;
    /** Milliseconds that a job is kept after its end. */
    readonly kept: number;
  };
}

const BEATS_PER_LEASE = 3;
const SWEEP_EVERY = 3_600_000;
/** Milliseconds after which nobody can still be at work on a file. */
const UNFINISHED_FOR = 24 * 3_600_000;

export class JobRunner {
  readonly #runner: RunnerParts;
  readonly #log: Logger;
  #work: Work | undefined;
  #isStopped = false;
  #nextSweep = 0;

  constructor(runner: RunnerParts) {
    this.#runner = runner;
    this.#log = runner.parts.log;
  }

  /** Does one part. False: there is none to do at present. */
  async step(): Promise<boolean> {
    const { parts, settings } = this.#runner;
    const { store } = parts.jobs;
    if (this.#isStopped) return false;
    const claim = await store.claim(parts.newId(), parts.clock.now() + settings.lease);
    if (claim === undefined) return false;
    const work = new Work(claim, this.#runner);
    this.#work = work;
    if (this.#isStopped) work.leave();
    try {
      const outcome = await work.run();
      const isOurs = await store.finish(claim, outcome, parts.clock.now() + settings.kept);
      if (!isOurs) await work.discard();
    } catch (error) {
      await work.discard();
      if (!(error instanceof LeaseLost)) await this.#failed(claim, error);
      else if (this.#isStopped) await store.giveBack(claim);
    } finally {
      this.#work = undefined;
    }
    return true;
  }

  /** What is being done is left, and given back; nothing is begun any more. */
  stop(): void {
    this.#isStopped = true;
    this.#work?.leave();
  }

  /**
   * Deletes what is left of jobs that have ended: their files first. Now and then, too, what processes that died left
   * unfinished. Files that cannot be removed now are tried another time.
   */
  async tidy(): Promise<void> {
    const { jobs, clock } = this.#runner.parts;
    const { store, blobs } = jobs;
    try {
      for (const id of await store.ended()) {
        await blobs.removeFolder(`jobs/${id}`);
        await store.remove(id);
      }
      if (clock.now() < this.#nextSweep) return;
      this.#nextSweep = clock.now() + SWEEP_EVERY;
      await blobs.sweep('jobs', clock.now() - UNFINISHED_FOR);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#log.warn({ problem: error.message }, 'files of jobs that have ended could not be removed');
    }
  }

  /** A refusal would be one the next time too; anything else may be a disk that was full for a moment. */
  async #failed(claim: Claim, error: unknown): Promise<void> {
    const { job, part } = claim;
    const { parts, settings } = this.#runner;
    const isRefusal = error instanceof Refusal && error.status < 500;
    const problem = error instanceof Refusal ? error.message : 'Something went wrong inside the server.';
    this.#log.error(
      {
        job: job.id,
        kind: job.kind,
        part,
        error: error instanceof Error ? error.name : typeof error,
        // Words of the server itself; what it says of a request may quote it.
        ...(error instanceof Refusal && !isRefusal ? { problem } : {}),
        stack: frames(error),
      },
      'a part of a job failed',
    );
    await parts.jobs.store.fail(claim, problem, isRefusal, parts.clock.now() + settings.kept);
  }
}

/** Frames say where; a message might quote a resource. */
function frames(error: unknown): string {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  return lines.filter((line) => /^\s+at /.test(line)).join('\n');
}

/** One run of a part. */
class Work {
  readonly #claim: Claim;
  readonly #runner: RunnerParts;
  readonly #open = new Set<BlobWriter>();
  readonly #names = new Set<string>();
  #done = 0;
  #isLost = false;

  constructor(claim: Claim, runner: RunnerParts) {
    this.#claim = claim;
    this.#runner = runner;
  }

  async run(): Promise<PartOutcome> {
    const { kinds, parts, settings, fetcher } = this.#runner;
    const kind = kinds[this.#claim.job.kind];
    if (kind === undefined) throw new Error(`there is no kind of job called ${this.#claim.job.kind}`);
    let beating: Promise<void> = Promise.resolve();
    const timer = setInterval(() => {
      beating = beating.then(() => this.#beat());
    }, settings.lease / BEATS_PER_LEASE);
    const bench: Workbench = {
      parts,
      settings,
      fetcher,
      done: (units) => {
        this.#done += units;
        if (this.#isLost) throw new LeaseLost();
      },
      file: (label) => this.#file(label),
    };
    try {
      return await kind.run(this.#claim, bench);
    } finally {
      clearInterval(timer);
      await beating;
    }
  }

  /** Ends with the next step. */
  leave(): void {
    this.#isLost = true;
  }

  /** Nothing is left of what it wrote; where the files cannot be had now, they go with the job. */
  async discard(): Promise<void> {
    const { jobs, log } = this.#runner.parts;
    const { blobs, store } = jobs;
    try {
      for (const writer of this.#open) await writer.abort();
      for (const name of this.#names) await blobs.remove(name);
      const { id } = this.#claim.job;
      if ((await store.job(id)) === undefined) await blobs.removeFolder(`jobs/${id}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      log.warn({ problem: error.message }, 'files of a part that was left could not be removed');
    }
  }

  /** A store that does not answer for a moment costs the lease at worst. */
  async #beat(): Promise<void> {
    const { parts, settings } = this.#runner;
    try {
      const until = parts.clock.now() + settings.lease;
      if (!(await parts.jobs.store.beat(this.#claim, this.#done, until))) this.#isLost = true;
    } catch (error) {
      parts.log.warn(
        { error: error instanceof Error ? error.name : typeof error },
        'a job could not be renewed',
      );
    }
  }

  async #file(label: string): Promise<JobFileWriter> {
    const { job, part, lease } = this.#claim;
    const name = `${part}-${label}-${lease.slice(-12)}.ndjson`;
    const path = `jobs/${job.id}/${name}`;
    const writer = await this.#runner.parts.jobs.blobs.create(path);
    this.#open.add(writer);
    this.#names.add(path);
    return {
      name,
      write: (bytes) => writer.write(bytes),
      close: async () => {
        const facts = await writer.close();
        this.#open.delete(writer);
        return facts;
      },
      abort: async () => {
        this.#open.delete(writer);
        await writer.abort();
      },
      keep: () => {
        this.#names.delete(path);
      },
    };
  }
}
