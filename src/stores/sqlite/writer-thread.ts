/**
 * The writer thread: takes every job that has queued up, commits them with one flush to the disk, answers all.
 * No timer makes groups: while a flush runs the next one gathers by itself.
 *
 * Invariant: an answer leaves only after the COMMIT that it speaks of; a job that fails undoes itself alone.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.js';
import { processUsage, systemClock } from '../../base/clock.js';
import { SpareTime } from '../../base/spare-time.js';
import { Refusal, type RefusalKind } from '../../fhir/outcome.js';
import { AuditChain, advanceFollowed } from './audit-chain.js';
import type { AuditPage } from './audit-pages.js';
import { Committer } from './committer.js';
import { Connection } from './connection.js';
import { fullTextPosition, stepFullText, stepMerging } from './full-text.js';
import { weightOf } from './job-weight.js';
import { changeJobs, stepPart } from './jobs-writer.js';
import type {
  Answer,
  CommitJob,
  FullTextJob,
  Job,
  JobResult,
  WireWrite,
  WriterMessage,
  WriterSettings,
} from './messages.js';
import { changeRecord } from './record-writer.js';
import { engineCode } from './store-error.js';

/** A group takes no further commit past so many writes, so that a small one does not wait for many large ones. */
const GROUP_WRITES = 2_000;
const LONG_LOG_PAGES = 8_192;
const IDLE_MILLISECONDS = 500;
/** Versions that the full-text index takes in at once, and while there are jobs that it would keep waiting. */
const STEP = 200;
const SMALL_STEP = 20;
const BETWEEN_STEPS_MILLISECONDS = 50;
const SET_LEDGER =
  'INSERT INTO ledger(name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';

assert(parentPort !== null, 'writer-thread is a worker');
const port = parentPort;
const settings = workerData as WriterSettings; // given by writer.ts
const connection = Connection.open(settings.file, 'writer', {
  mustExist: true,
  ...(settings.pageLimit === undefined ? {} : { pageLimit: settings.pageLimit }),
});
const committer = new Committer(connection, settings.primaryDates);
const chain = new AuditChain(connection, settings.site, systemClock);
/** Of commits whose last part is still to come, by number. */
const parts = new Map<number, readonly (readonly WireWrite[])[]>();
let queue: Job[] = [];
/** Taken since the last group: of jobs in the queue, and parts. */
let waitingWrites = 0;
let closing = false;
/** Something was purged: the log of the database still holds it. */
let holdsPurged = false;
/** Who waits for the full-text index. */
let followers: readonly FullTextJob[] = [];
let isStepDue = false;

port.on('message', (messages: readonly WriterMessage[]) => {
  messages.forEach(take);
  // What is not taken now stays outside of this thread's heap, and comes as the next message.
  while (waitingWrites < GROUP_WRITES) {
    const more = receiveMessageOnPort(port);
    if (more === undefined) break;
    (more.message as readonly WriterMessage[]).forEach(take); // writer.ts sends nothing else
  }
  while (queue.length > 0) commitGroup(nextGroup());
  waitingWrites = 0;
  if (closing) return close();
  tidy();
  if (followers.length > 0) stepLater();
});

function take(message: WriterMessage): void {
  switch (message.kind) {
    case 'close':
      closing = true;
      return;
    case 'part':
      waitingWrites += message.writes.length;
      parts.set(message.number, [...(parts.get(message.number) ?? []), message.writes]);
      return;
    case 'commit':
      waitingWrites += message.writes.length;
      queue.push(wholeCommit(message));
      return;
    case 'ledger':
    case 'record':
    case 'jobs':
    case 'indexing-start':
    case 'indexing-step':
    case 'audit':
      waitingWrites += weightOf(message);
      queue.push(message);
      return;
    case 'full-text':
      followers = [...followers, message];
  }
}

function wholeCommit(job: CommitJob): CommitJob {
  const before = parts.get(job.number);
  if (before === undefined) return job;
  parts.delete(job.number);
  return { ...job, writes: [...before, job.writes].flat() };
}

function nextGroup(): readonly Job[] {
  let writes = 0;
  let size = 0;
  while (size < queue.length && writes < GROUP_WRITES) {
    const job = queue[size++];
    writes += job === undefined ? 0 : weightOf(job);
  }
  const group = queue.slice(0, size);
  queue = queue.slice(size);
  return group;
}

/** One transaction for all; when that fails as a whole, one for each. */
function commitGroup(group: readonly Job[]): void {
  let answers: readonly Answer[];
  try {
    answers = commitTogether(group);
  } catch (error) {
    undo('ROLLBACK');
    if (group.length > 1) {
      for (const job of group) commitGroup([job]);
      return;
    }
    answers = group.map((job) => failure(job, error));
  }
  port.postMessage(answers);
}

function commitTogether(group: readonly Job[]): readonly Answer[] {
  connection.prepare('BEGIN IMMEDIATE').run();
  committer.begin();
  const answers = group.map((job) => (group.length === 1 ? alone(job) : besideOthers(job)));
  const pages = group.flatMap((job, at) => auditOf(job, answers[at]));
  if (pages.length > 0) chain.append(pages);
  if (connection.inTransaction) connection.prepare('COMMIT').run();
  holdsPurged ||= group.some(isPurge);
  return [...answers, ...chain.committed()];
}

/** The only job of its transaction: an error or a refusal undoes the transaction. */
function alone(job: Job): Answer {
  const answer = apply(job);
  if (!isWritten(answer)) undo('ROLLBACK');
  return answer;
}

function besideOthers(job: Job): Answer {
  connection.prepare('SAVEPOINT job').run();
  try {
    const answer = apply(job);
    if (!isWritten(answer)) undo('ROLLBACK TO job');
    connection.prepare('RELEASE job').run();
    return answer;
  } catch (error) {
    // Some errors (a full disk) undo the whole transaction: then the group starts over, one by one.
    if (!connection.inTransaction) throw error;
    undo('ROLLBACK TO job');
    connection.prepare('RELEASE job').run();
    return failure(job, error);
  }
}

function isPurge(job: Job): boolean {
  return job.kind === 'commit' && job.writes.some(({ kind }) => kind === 'purge');
}

/** What the audit log is to say of a job that was carried out. */
function auditOf(job: Job, answer: Answer | undefined): readonly AuditPage[] {
  if (answer === undefined || !isWritten(answer)) return [];
  return job.kind === 'audit' ? job.pages : job.kind === 'commit' ? job.audit : [];
}

function apply(job: Job): Answer {
  return { number: job.number, kind: 'done', result: resultOf(job) };
}

function resultOf(job: Job): JobResult {
  switch (job.kind) {
    case 'ledger':
      connection.run(SET_LEDGER, job.name, job.value);
      return { kind: 'committed', outcomes: [] };
    case 'audit':
      return { kind: 'committed', outcomes: [] }; // the lines of all jobs go in together
    case 'record':
      return changeRecord(connection, job);
    case 'jobs':
      return changeJobs(connection, job, () => committer.mark(job.now));
    case 'commit':
      if (job.follows !== undefined && !advanceFollowed(connection, job.follows))
        return { kind: 'version-conflict', write: 0 };
      if (job.step !== undefined && !stepPart(connection, job.step)) return { kind: 'lease-lost' };
      return committer.apply(job);
    case 'indexing-start':
    case 'indexing-step':
      return committer.index(job);
  }
}

const WRITTEN: ReadonlySet<JobResult['kind']> = new Set([
  'committed',
  'advanced',
  'recorded',
  'jobs-changed',
]);

function isWritten(answer: Answer): boolean {
  return answer.kind === 'done' && WRITTEN.has(answer.result.kind);
}

function undo(sql: 'ROLLBACK' | 'ROLLBACK TO job'): void {
  if (connection.inTransaction) connection.prepare(sql).run();
  committer.rolledBack();
  if (sql === 'ROLLBACK') chain.rolledBack();
}

const REFUSALS_BY_CODE: Readonly<Record<string, readonly [RefusalKind, string]>> = {
  SQLITE_FULL: ['store-full', 'The store is full: nothing was written. Free some space on its disk.'],
  SQLITE_BUSY: ['unavailable', 'Another process holds the store: nothing was written. Try again.'],
  SQLITE_IOERR: ['unavailable', 'The disk of the store failed: nothing was written.'],
  SQLITE_READONLY: ['unavailable', 'The store cannot be written: nothing was written.'],
  SQLITE_CORRUPT: ['unavailable', 'The store is damaged: nothing was written. Restore a backup.'],
};

function failure(job: Job | FullTextJob, error: unknown): Answer {
  const known = REFUSALS_BY_CODE[engineCode(error) ?? ''];
  if (known !== undefined) return { number: job.number, kind: 'failed', refusal: known[0], text: known[1] };
  if (error instanceof Refusal)
    return { number: job.number, kind: 'failed', refusal: error.kind, text: error.message };
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { number: job.number, kind: 'failed', refusal: 'internal-error', text };
}

/** What waits for spare time is looked after when this ends. */
let rest: NodeJS.Timeout | undefined;
/** When the last jobs were done. */
let lastJobs = 0;
/** No job came for a while: the log is folded, and what waits goes on without rest. */
let isIdle = false;
const spare = new SpareTime(processUsage);

/**
 * Folds the log back into the file: at once when it is long, else when no job came for a while. Readers never wait for
 * a passive checkpoint, nor does it wait for them.
 */
function tidy(): void {
  if (isIdle) spare.begins();
  lastJobs = performance.now();
  isIdle = false;
  foldLong();
  restAWhile();
}

function restAWhile(milliseconds = IDLE_MILLISECONDS): void {
  rest ??= setTimeout(rested, milliseconds).unref();
}

/** The pages that a load has gathered are given back when it pauses, not while it needs them. */
function rested(): void {
  rest = undefined;
  if (closing) return;
  isIdle = performance.now() - lastJobs >= IDLE_MILLISECONDS;
  if (isIdle) {
    stepLater();
    fold();
    connection.execute('PRAGMA shrink_memory');
    return;
  }
  if (spare.isDue()) stepLater();
  else restAWhile();
}

function foldLong(): void {
  const [, logPages = 0, foldedPages = 0] =
    connection.get<[number, number, number]>('PRAGMA wal_checkpoint(NOOP)') ?? [];
  if (logPages - foldedPages > LONG_LOG_PAGES) fold();
}

function fold(): void {
  connection.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
}

/**
 * Folds all of the log back and empties it, so that nothing that was purged is left in it. While somebody reads of an older moment
 * that cannot be; it is tried again a little later, and at the end.
 */
function emptyLog(): void {
  const waits = connection.pragma('busy_timeout');
  connection.pragma('busy_timeout = 0');
  const [isBusy = 1] = connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get<[number]>() ?? [];
  connection.pragma(`busy_timeout = ${waits}`);
  holdsPurged = isBusy === 1;
  if (holdsPurged && !closing) setTimeout(emptyAgain, IDLE_MILLISECONDS).unref();
}

function emptyAgain(): void {
  if (holdsPurged && !closing) emptyLog();
}

/**
 * The index goes on by itself while nothing else is asked for, a little in spare time, and between commits where somebody
 * waits for it.
 */
function stepLater(): void {
  if (isStepDue || closing) return;
  isStepDue = true;
  setImmediate(() => {
    isStepDue = false;
    if (!closing) step();
  });
}

function step(): void {
  const began = performance.now();
  try {
    const isWanted = followers.length > 0 || isIdle;
    const reached = stepFullText(connection, isWanted ? STEP : SMALL_STEP);
    foldLong();
    const position = reached ?? fullTextPosition(connection);
    const served = followers.filter(({ upTo }) => upTo <= position);
    followers = followers.filter(({ upTo }) => upTo > position);
    answerFollowers(served, (job) => ({
      number: job.number,
      kind: 'done',
      result: { kind: 'committed', outcomes: [] },
    }));
    if (reached !== undefined && (followers.length > 0 || isIdle)) stepLater();
    else if (reached !== undefined) restAWhile(BETWEEN_STEPS_MILLISECONDS);
    else if (isIdle) mergeStep();
    else restAWhile();
  } catch (error) {
    // With nobody waiting the step is tried again after the next job, and whoever waits then is told.
    if (!isIdle) restAWhile();
    const failed = followers;
    followers = [];
    answerFollowers(failed, (job) => failure(job, error));
  } finally {
    spare.stepped(performance.now() - began);
  }
}

/** The words of what was purged go with the merging, and the log is emptied when that is done. */
function mergeStep(): void {
  if (stepMerging(connection)) {
    foldLong();
    stepLater();
  } else if (holdsPurged) emptyLog();
}

function answerFollowers(jobs: readonly FullTextJob[], answer: (job: FullTextJob) => Answer): void {
  if (jobs.length > 0) port.postMessage(jobs.map(answer));
}

/** The end of the chain is vouched for by its last batch; a chain that cannot be closed looks like one that was cut off. */
function closeChain(): void {
  if (!chain.isOpen) return;
  try {
    connection.transaction(() => chain.checkpoint());
    port.postMessage(chain.committed());
  } catch (error) {
    // A full or failing disk; whatever else waited was told so already.
    if (engineCode(error) === undefined) throw error;
    chain.rolledBack();
  }
}

function close(): void {
  clearTimeout(rest);
  closeChain();
  if (holdsPurged) emptyLog();
  connection.close();
  port.close();
}
