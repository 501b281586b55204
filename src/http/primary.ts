/**
 * The primary of several workers (FAIRWAY_WORKERS): starts them, starts those anew that died, hands on the signal to
 * stop, and adds up their metrics. It answers no request itself.
 * https://nodejs.org/api/cluster.html
 *
 * Invariant: it ends only after its workers have; workers whose primary died end by themselves.
 */
import cluster, { type Worker } from 'node:cluster';
import type { Logger } from '../base/log.js';
import { type FromPrimary, type FromWorker, isOurs } from './worker-messages.js';

export interface PrimaryParts {
  readonly workers: number;
  readonly log: Logger;
  /** Set for the workers, above what the primary's own environment says. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds that a stopping worker has for its requests. */
  readonly shutdownTimeLimit: number;
  /** Called once, when every worker listens. */
  readonly onListening: () => void;
  /** A worker has jobs to be done. */
  readonly onJobs: () => void;
}

/** A worker that lived so long had started well: the next failure is the first again. */
const SOUND_MILLISECONDS = 10_000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 10_000;
/** Workers that die so many times in a row before they listen will not listen the next time either. */
const FAILED_STARTS = 5;
/** What a worker may take to close its store after its requests. */
const CLOSING_MILLISECONDS = 5_000;
const METRICS_MILLISECONDS = 2_000;

export class Primary {
  readonly #parts: PrimaryParts;
  readonly #asks = new Map<number, Ask>();
  #listening = 0;
  #failures = 0;
  #stopping = false;
  #lastAsk = 0;
  #exitCode = 0;
  #end: (code: number) => void = () => undefined;

  constructor(parts: PrimaryParts) {
    this.#parts = parts;
  }

  /** Resolves with the exit code when all workers have ended. */
  run(): Promise<number> {
    if (this.#stopping) return Promise.resolve(0);
    cluster.on('message', (worker, message: unknown) => {
      if (isOurs<FromWorker>(message)) this.#hear(worker, message);
    });
    for (let index = 0; index < this.#parts.workers; index++) this.#fork();
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const workers = liveWorkers();
    for (const worker of workers) worker.process.kill('SIGTERM');
    if (workers.length === 0) this.#end(this.#exitCode);
    const patience = this.#parts.shutdownTimeLimit + CLOSING_MILLISECONDS;
    setTimeout(
      () => liveWorkers().forEach((worker) => void worker.process.kill('SIGKILL')),
      patience,
    ).unref();
  }

  #fork(): void {
    const worker = cluster.fork(this.#parts.environment);
    const started = performance.now();
    worker.once('listening', () => {
      this.#listening += 1;
      if (this.#listening === this.#parts.workers) this.#parts.onListening();
    });
    worker.once('exit', (code, signal) => this.#ended(performance.now() - started, signal ?? String(code)));
  }

  #ended(lived: number, how: string): void {
    if (this.#stopping) {
      if (liveWorkers().length === 0) this.#end(this.#exitCode);
      return;
    }
    this.#failures = lived > SOUND_MILLISECONDS ? 1 : this.#failures + 1;
    if (this.#listening === 0 && this.#failures >= FAILED_STARTS) {
      this.#parts.log.error({ how }, 'workers end before they listen: giving up');
      this.#exitCode = 1;
      this.stop();
      return;
    }
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#failures - 1));
    this.#parts.log.warn({ how, pause }, 'a worker ended: another is started');
    setTimeout(() => {
      if (!this.#stopping) this.#fork();
    }, pause);
  }

  #hear(worker: Worker, message: FromWorker): void {
    if (message.fairway === 'all-metrics-wanted') this.#gather(worker, message.ask);
    else if (message.fairway === 'jobs') this.#parts.onJobs();
    else this.#asks.get(message.ask)?.give(message.families);
  }

  #gather(asker: Worker, theirAsk: number): void {
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    const workers = liveWorkers();
    const gathered = new Ask(workers.length, METRICS_MILLISECONDS);
    this.#asks.set(ask, gathered);
    for (const worker of workers) tell(worker, { fairway: 'metrics-wanted', ask });
    void gathered.all.then(async (processes) => {
      this.#asks.delete(ask);
      const { aggregatedText } = await import('./metrics.js');
      tell(asker, { fairway: 'all-metrics', ask: theirAsk, text: await aggregatedText(processes) });
    });
  }
}

/** Answers of several workers; those that are late are done without. */
class Ask {
  readonly all: Promise<readonly object[][]>;
  readonly #given: object[][] = [];
  readonly #expected: number;
  #done: () => void = () => undefined;

  constructor(expected: number, patience: number) {
    this.#expected = expected;
    this.all = new Promise((resolve) => {
      const timer = setTimeout(() => resolve(this.#given), patience);
      this.#done = () => {
        clearTimeout(timer);
        resolve(this.#given);
      };
    });
  }

  give(families: object[]): void {
    this.#given.push(families);
    if (this.#given.length === this.#expected) this.#done();
  }
}

function liveWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(
    (worker) => worker !== undefined && !worker.isDead(),
  ) as Worker[]; // filtered
}

function tell(worker: Worker, message: FromPrimary): void {
  if (worker.isConnected()) worker.send(message);
}
