/**
 * A few reader processes, started when they are first needed and ended when they were not needed for a while.
 *
 * Invariant: a search past its deadline costs the process that runs it, and nothing else.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Refusal } from '../../fhir/outcome.js';
import type { ReaderFound, ReaderReply, ReaderTask } from './reader-process.js';
import type { SearchJob } from './search/search.js';

const POOL_SIZE = 2;
const IDLE_MILLISECONDS = 60_000;
const PROGRAM = fileURLToPath(new URL('./reader-process.js', import.meta.url));

interface Waiting {
  readonly task: ReaderTask;
  readonly resolve: (found: ReaderFound) => void;
  readonly reject: (error: Error) => void;
  timer: NodeJS.Timeout | undefined;
}

interface Reader {
  readonly child: ChildProcess;
  running: Waiting | undefined;
  idle: NodeJS.Timeout | undefined;
}

export class ReaderPool {
  readonly #arguments: readonly string[];
  readonly #readers = new Set<Reader>();
  #queue: Waiting[] = [];
  #number = 0;

  constructor(file: string, primaryDates: ReadonlyMap<string, string>) {
    this.#arguments = [file, JSON.stringify([...primaryDates])];
  }

  run(job: SearchJob, milliseconds: number): Promise<ReaderFound> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { task: { number: ++this.#number, job }, resolve, reject, timer: undefined };
      waiting.timer = setTimeout(() => this.#pastDeadline(waiting), milliseconds);
      this.#queue.push(waiting);
      this.#next();
    });
  }

  close(): void {
    for (const reader of this.#readers) this.#end(reader);
    for (const waiting of this.#queue)
      this.#settle(waiting, new Refusal('unavailable', 'The store is closing.'));
    this.#queue = [];
  }

  #next(): void {
    const free = [...this.#readers].find(({ running }) => running === undefined) ?? this.#started();
    const waiting = free === undefined ? undefined : this.#queue.shift();
    if (free === undefined || waiting === undefined) return;
    clearTimeout(free.idle);
    free.running = waiting;
    hold(free.child, true);
    free.child.send(waiting.task);
  }

  #started(): Reader | undefined {
    if (this.#readers.size >= POOL_SIZE) return undefined;
    const child = fork(PROGRAM, this.#arguments, {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const reader: Reader = { child, running: undefined, idle: undefined };
    child.on('message', (reply: ReaderReply) => this.#answered(reader, reply));
    child.on('error', () => this.#ended(reader));
    child.on('exit', () => this.#ended(reader));
    this.#readers.add(reader);
    return reader;
  }

  #answered(reader: Reader, reply: ReaderReply): void {
    const { running } = reader;
    if (running === undefined || running.task.number !== reply.number) return;
    reader.running = undefined;
    this.#settle(running, outcomeOf(reply));
    hold(reader.child, false);
    reader.idle = setTimeout(() => this.#end(reader), IDLE_MILLISECONDS).unref();
    this.#next();
  }

  #pastDeadline(waiting: Waiting): void {
    this.#queue = this.#queue.filter((other) => other !== waiting);
    this.#settle(
      waiting,
      new Refusal(
        'too-costly',
        'The search would take longer than it may: narrow it, for example by a date or a patient.',
      ),
    );
    for (const reader of this.#readers) if (reader.running === waiting) this.#end(reader);
    this.#next();
  }

  #end(reader: Reader): void {
    this.#readers.delete(reader);
    clearTimeout(reader.idle);
    reader.child.kill('SIGKILL');
    this.#ended(reader);
  }

  #ended(reader: Reader): void {
    this.#readers.delete(reader);
    const { running } = reader;
    reader.running = undefined;
    if (running !== undefined)
      this.#settle(running, new Refusal('unavailable', 'The search was interrupted: try again.'));
    if (this.#queue.length > 0) this.#next();
  }

  #settle(waiting: Waiting, outcome: ReaderFound | Error): void {
    clearTimeout(waiting.timer);
    if (outcome instanceof Error) waiting.reject(outcome);
    else waiting.resolve(outcome);
  }
}

function outcomeOf(reply: ReaderReply): ReaderFound | Error {
  switch (reply.kind) {
    case 'found':
      return reply.found;
    case 'refused':
      return new Refusal(reply.refusal, reply.text);
    case 'failed':
      return new Error(`A reader process failed: ${reply.text}`);
  }
}

/** A process that runs nothing does not keep its parent alive. */
function hold(child: ChildProcess, held: boolean): void {
  if (held) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}
