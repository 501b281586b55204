/**
 * The main thread's end of the writer thread, which starts with the first commit. What one turn of the event loop brings
 * goes out in one message at its end, or sooner when many have come; a large commit goes in parts, so that the loop turns
 * between them.
 *
 * Invariant: a commit resolves after it is durable; when the thread dies its open commits are refused as unavailable
 * and the next commit starts a new thread.
 */
import { Worker } from 'node:worker_threads';
import { assert } from '../../base/assert.js';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import { Refusal } from '../../fhir/outcome.js';
import { type AccessFilter, type Permitted, visible } from '../../ports/access-filter.js';
import type { Commit, CommitResult, Condition, Position, Write, WriteOutcome } from '../../ports/backend.js';
import { type AuditPage, pagesOf } from './audit-pages.js';
import { weightOf } from './job-weight.js';
import { partName } from './jobs-writer.js';
import type {
  Answer,
  AuditJob,
  CommitJob,
  CommitPart,
  FullTextJob,
  IndexingJob,
  JobResult,
  JobsChange,
  JobsJob,
  JobsResult,
  LedgerJob,
  RecordChange,
  RecordJob,
  RecordResult,
  WireWrite,
  WriterMessage,
  WriterSettings,
} from './messages.js';
import { storedBytes } from './stored-bytes.js';
import { valueLines } from './wire-values.js';

interface Pending {
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: Error) => void;
}

/** A job that waits for its turn; of a commit, so many writes have gone ahead. */
type Waiting =
  | {
      readonly kind: 'commit';
      readonly number: number;
      readonly now: number;
      readonly commit: Commit;
      sent: number;
    }
  | LedgerJob
  | AuditJob
  | RecordJob
  | JobsJob
  | FullTextJob
  | IndexingJob;

type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never;

/** Sent in one turn of the event loop: about as much as it can spare at once. */
const WRITES_PER_TURN = 500;

/**
 * With so many small commits waiting they go out before the turn ends, so that the writer begins while this thread makes
 * the others: a batch's entries otherwise went back and forth between the two in waves.
 */
const COMMITS_AT_ONCE = 64;

export class Writer {
  readonly #settings: WriterSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pending = new Map<number, Pending>();
  #outbox: Waiting[] = [];
  #isDrainDue = false;
  #worker: Worker | undefined;
  #number = 0;
  #closed = false;

  constructor(settings: WriterSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const number = ++this.#number;
    const result = await this.#send({ kind: 'commit', number, now: this.#clock.now(), commit, sent: 0 });
    assert(
      result.kind !== 'advanced' &&
        result.kind !== 'overtaken' &&
        result.kind !== 'recorded' &&
        result.kind !== 'jobs-changed',
      'commits are answered as commits',
    );
    if (result.kind !== 'committed') return result;
    return {
      kind: 'committed',
      outcomes: result.outcomes.map((outcome, at) => withBytes(outcome, commit.writes[at])),
    };
  }

  async setLedger(name: string, value: string): Promise<void> {
    await this.#send({ kind: 'ledger', number: ++this.#number, name, value });
  }

  /** Resolves when the lines are in the audit log. */
  async audit(pages: readonly AuditPage[]): Promise<void> {
    await this.#send({ kind: 'audit', number: ++this.#number, pages });
  }

  async changeRecord(wanted: RecordChange): Promise<RecordResult> {
    const result = await this.#send({
      kind: 'record',
      number: ++this.#number,
      now: this.#clock.now(),
      wanted,
    });
    assert(result.kind === 'recorded', 'changes of records are answered as such');
    return result;
  }

  async changeJobs(wanted: JobsChange): Promise<JobsResult> {
    const result = await this.#send({ kind: 'jobs', number: ++this.#number, now: this.#clock.now(), wanted });
    assert(result.kind === 'jobs-changed', 'changes of jobs are answered as such');
    return result;
  }

  /** Resolves when the full-text index knows all versions up to the position. */
  async followFullText(upTo: Position): Promise<void> {
    await this.#send({ kind: 'full-text', number: ++this.#number, upTo });
  }

  /** False: another process was faster, or the definitions have changed. */
  async index(job: DistributiveOmit<IndexingJob, 'number'>): Promise<boolean> {
    const result = await this.#send({ ...job, number: ++this.#number });
    return result.kind === 'advanced';
  }

  /** Lets the open commits end. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    while (this.#outbox.length > 0) this.#drain();
    worker.postMessage([{ kind: 'close' }] satisfies WriterMessage[]);
    await exited;
  }

  #send(job: Waiting): Promise<JobResult> {
    if (this.#closed)
      return Promise.reject(new Refusal('unavailable', 'The store is closing: nothing was written.'));
    this.#started().ref();
    return new Promise((resolve, reject) => {
      this.#pending.set(job.number, { resolve, reject });
      this.#outbox.push(job);
      if (this.#outbox.length === COMMITS_AT_ONCE) this.#drain();
      else this.#drainLater();
    });
  }

  #drainLater(): void {
    if (this.#isDrainDue) return;
    this.#isDrainDue = true;
    setImmediate(() => {
      this.#isDrainDue = false;
      this.#drain();
    });
  }

  /** Sends what one turn allows, in order, in one message; the writer takes up a commit when all of it is there. */
  #drain(): void {
    const messages: WriterMessage[] = [];
    let room = WRITES_PER_TURN;
    let taken = 0;
    while (taken < this.#outbox.length && room > 0) {
      const job = this.#outbox[taken] as Waiting; // below the length
      if (job.kind !== 'commit') {
        messages.push(job);
        room -= weightOf(job);
        taken++;
        continue;
      }
      const from = job.sent;
      job.sent = Math.min(from + room, job.commit.writes.length);
      room -= job.sent - from;
      const isWhole = job.sent === job.commit.writes.length;
      messages.push(isWhole ? lastPart(job, from) : part(job, from));
      if (isWhole) taken++;
    }
    this.#outbox = this.#outbox.slice(taken);
    if (messages.length > 0) this.#worker?.postMessage(messages);
    if (this.#outbox.length > 0) this.#drainLater();
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./writer-thread.js', import.meta.url), {
      workerData: this.#settings,
    });
    worker.on('message', (answers: readonly Answer[]) => this.#answer(answers));
    worker.on('error', (error) => this.#log.error({ error: error.message }, 'the writer thread failed'));
    worker.on('exit', () => this.#exited(worker));
    this.#worker = worker;
    return worker;
  }

  #answer(answers: readonly Answer[]): void {
    for (const answer of answers) {
      if (answer.kind === 'checkpoint') {
        const { chain, sequence, hash } = answer;
        this.#log.info({ chain, sequence, hash }, 'audit checkpoint');
        continue;
      }
      const pending = this.#pending.get(answer.number);
      this.#pending.delete(answer.number);
      if (answer.kind === 'done') pending?.resolve(answer.result);
      else pending?.reject(this.#failure(answer));
    }
    // An idle writer does not keep the process alive.
    if (this.#pending.size === 0 && !this.#closed) this.#worker?.unref();
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
    this.#outbox = [];
  }
}

type WaitingCommit = Waiting & { readonly kind: 'commit' };

function part({ number, commit, sent }: WaitingCommit, from: number): CommitPart {
  return { kind: 'part', number, writes: commit.writes.slice(from, sent).map(wireWrite) };
}

function lastPart({ number, now, commit, sent }: WaitingCommit, from: number): CommitJob {
  const { conditions, resolvedAt } = commit;
  const access = neededAccess(commit);
  const writes = commit.writes.slice(from, sent).map(wireWrite);
  const indexedAt = oldestDefinitions(commit.writes);
  const audit = pagesOf(commit.audit ?? []);
  const { follows } = commit;
  const step =
    commit.step === undefined
      ? undefined
      : { part: partName(commit.step.claim), progress: commit.step.progress };
  return {
    kind: 'commit',
    number,
    now,
    access,
    writes,
    conditions,
    resolvedAt,
    indexedAt,
    audit,
    follows,
    step,
  };
}

/**
 * Filters name each type there is, and a commit is about few: only what it needs is sent to the writer. Conditions may
 * lead to any type by chains.
 */
function neededAccess({ access, writes, conditions }: Commit): Permitted {
  const types = new Set(writes.map(({ type }) => type));
  const needs = (by: Condition['by']) => conditions.some((condition) => condition.by === by);
  const needed = (filter: AccessFilter, whole = false): AccessFilter =>
    filter.kind === 'unrestricted' || whole
      ? filter
      : {
          kind: 'restricted',
          byType: Object.fromEntries([...types].map((type) => [type, visible(filter, type)])),
        };
  return {
    create: needed(access.create),
    read: needed(access.read, needs('read')),
    update: needed(access.update),
    delete: needed(access.delete),
    search: needed(access.search, needs('search')),
  };
}

function oldestDefinitions(writes: readonly Write[]): Position | undefined {
  let oldest: Position | undefined;
  for (const write of writes) {
    if (write.kind === 'put') oldest = Math.min(oldest ?? write.resource.indexedAt, write.resource.indexedAt);
  }
  return oldest;
}

function wireWrite(write: Write): WireWrite {
  if (write.kind !== 'put') return write;
  const { type, id, expected, method, resource } = write;
  const { metaRest, rest, values } = resource;
  return { kind: 'put', type, id, expected, method, metaRest, rest, values: valueLines(values) };
}

/** The bytes are put together when somebody asks for them: most answers are minimal. */
function withBytes(outcome: WriteOutcome, write: Write | undefined): WriteOutcome {
  if (write?.kind !== 'put') return outcome;
  const { metaRest, rest } = write.resource;
  const { type, id } = write;
  const { versionId, lastUpdated, position, created, unchanged } = outcome;
  return {
    type,
    id,
    versionId,
    lastUpdated,
    position,
    created,
    unchanged,
    get bytes() {
      return storedBytes({ type, id, metaRest, rest }, versionId, lastUpdated);
    },
  };
}
