/**
 * The main thread's end of the writer thread, which starts with the first commit.
 *
 * Invariant: a commit resolves after it is durable; when the thread dies its open commits are refused as unavailable
 * and the next commit starts a new thread.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import { Refusal } from '../../fhir/outcome.js';
import type { Commit, CommitResult, Write, WriteOutcome } from '../../ports/backend.js';
import type { Answer, CommitJob, Job, LedgerJob, WireWrite, WriterSettings } from './messages.js';
import { storedBytes } from './stored-bytes.js';
import { valueLines } from './wire-values.js';

interface Pending {
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: Error) => void;
}

/** A job before it has its number. */
type Unnumbered = Omit<CommitJob, 'number'> | Omit<LedgerJob, 'number'>;

export class Writer {
  readonly #settings: WriterSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #number = 0;
  #closed = false;

  constructor(settings: WriterSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const result = await this.#send({
      kind: 'commit',
      now: this.#clock.now(),
      access: commit.access,
      writes: commit.writes.map(wireWrite),
      conditions: commit.conditions,
      resolvedAt: commit.resolvedAt,
    });
    if (result.kind !== 'committed') return result;
    return {
      kind: 'committed',
      outcomes: result.outcomes.map((outcome, at) => withBytes(outcome, commit.writes[at])),
    };
  }

  async setLedger(name: string, value: string): Promise<void> {
    await this.#send({ kind: 'ledger', name, value });
  }

  /** Lets the open commits end. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ kind: 'close' });
    await exited;
  }

  #send(job: Unnumbered): Promise<CommitResult> {
    if (this.#closed)
      return Promise.reject(new Refusal('unavailable', 'The store is closing: nothing was written.'));
    const number = ++this.#number;
    const worker = this.#started();
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve, reject });
      worker.ref();
      // A spread of a union is not narrowed by the compiler; both members of Unnumbered plus a number are a Job.
      worker.postMessage({ ...job, number } as Job);
    });
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./writer-thread.js', import.meta.url), { workerData: this.#settings });
    worker.on('message', (answers: readonly Answer[]) => this.#answer(answers));
    worker.on('error', (error) => this.#log.error({ error: error.message }, 'the writer thread failed'));
    worker.on('exit', () => this.#exited(worker));
    this.#worker = worker;
    return worker;
  }

  #answer(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const pending = this.#pending.get(answer.number);
      this.#pending.delete(answer.number);
      if (answer.kind === 'done') pending?.resolve(answer.result);
      else pending?.reject(this.#failure(answer));
    }
    // An idle writer does not keep the process alive.
    if (this.#pending.size === 0) this.#worker?.unref();
  }

  #failure(answer: Answer & { kind: 'failed' }): Error {
    if (answer.refusal === 'internal-error') return new Error(`The writer thread failed: ${answer.text}`);
    this.#log.error({ refusal: answer.refusal }, answer.text);
    return new Refusal(answer.refusal, answer.text);
  }

  #exited(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined;
    for (const pending of this.#pending.values()) {
      pending.reject(
        new Refusal(
          'unavailable',
          'The writer ended before it answered: the write may or may not be there; read it.',
        ),
      );
    }
    this.#pending.clear();
  }
}

function wireWrite(write: Write): WireWrite {
  if (write.kind === 'delete') return write;
  const { type, id, expected, method, resource } = write;
  const { metaRest, rest, values } = resource;
  return { kind: 'put', type, id, expected, method, metaRest, rest, values: valueLines(values) };
}

function withBytes(outcome: WriteOutcome, write: Write | undefined): WriteOutcome {
  if (write?.kind !== 'put') return outcome;
  const { metaRest, rest } = write.resource;
  const { type, id } = write;
  return {
    ...outcome,
    bytes: storedBytes({ type, id, metaRest, rest }, outcome.versionId, outcome.lastUpdated),
  };
}
