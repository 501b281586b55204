/**
 * The processes that work on jobs, beside the one that serves: started when there is work, ended by themselves when there
 * was none for a while.
 *
 * Invariant: there are never more than the settings say; they end when this process does; one that dies is replaced while
 * there is work, later each time.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Logger } from '../base/log.js';

export interface JobProcessesParts {
  /** At most. */
  readonly count: number;
  /** What this program is started with to work on jobs. */
  readonly words: readonly string[];
  readonly log: Logger;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30_000;
/** A process that lived so long had started well. */
const SOUND_MILLISECONDS = 10_000;
const STOPPING_MILLISECONDS = 5_000;

export class JobProcesses {
  readonly #parts: JobProcessesParts;
  readonly #children = new Set<ChildProcess>();
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(parts: JobProcessesParts) {
    this.#parts = parts;
  }

  /** There is work. */
  wake(): void {
    if (this.#isStopped || this.#pause !== undefined) return;
    for (const child of this.#children) if (child.connected) child.send('work');
    while (this.#children.size < this.#parts.count) this.#start();
  }

  /** Resolves when all have ended; what they were at is given back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#pause);
    const ends = [...this.#children].map(async (child) => {
      const ended = once(child, 'exit');
      const impatience = setTimeout(() => child.kill('SIGKILL'), STOPPING_MILLISECONDS);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(impatience);
    });
    await Promise.all(ends);
  }

  #start(): void {
    const [, program = ''] = process.argv;
    const child = fork(program, this.#parts.words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const started = performance.now();
    this.#children.add(child);
    child.unref();
    child.channel?.unref();
    child.once('error', (error) => this.#parts.log.error({ error: error.name }, 'a job process failed'));
    child.once('exit', (code, signal) => {
      this.#children.delete(child);
      if (code !== 0 && !this.#isStopped) this.#died(performance.now() - started, signal ?? String(code));
    });
  }

  #died(lived: number, how: string): void {
    this.#failures = lived > SOUND_MILLISECONDS ? 1 : this.#failures + 1;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#failures - 1));
    this.#parts.log.warn({ how, pause }, 'a job process ended: another is started');
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.wake();
    }, pause).unref();
  }
}
