/**
 * The demo population of a first start, written by the one write path in a process of its own: the server answers
 * meanwhile, and does not keep the memory that loading takes.
 *
 * Invariant: it is loaded into an empty store only, and once; a start that was interrupted goes on with it (its entries
 * are PUTs by id).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { Config } from '../config.js';
import type { Tenant } from './tenant.js';

export type DemoState = 'loading' | 'loaded' | 'not needed' | 'failed';

const MARK = 'demo-population';
/** Followed by the day (milliseconds) from which the population counts back: the next start goes on with it. */
const BEGUN = 'begun ';
const POPULATION = { seed: 1, patients: 30 };

/** The server's side: whether the population is needed, and the process that loads it. */
export class DemoPopulation {
  readonly #words: readonly string[];
  readonly #log: Logger;
  #state: DemoState = 'not needed';
  #child: ChildProcess | undefined;
  #stopped = false;

  /** `words`: what this program is started with to load the population. */
  constructor(words: readonly string[], log: Logger) {
    this.#words = words;
    this.#log = log;
  }

  get state(): DemoState {
    return this.#state;
  }

  /** Whether the store is empty, or an earlier start began with it. */
  async isWanted({ parts, store }: Tenant): Promise<boolean> {
    const mark = store.ledger.get(MARK);
    return mark?.startsWith(BEGUN) === true || (mark === undefined && (await parts.backend.position()) === 0);
  }

  async load(): Promise<void> {
    if (this.#stopped) return;
    this.#state = 'loading';
    const [, program = ''] = process.argv;
    this.#child = spawn(process.execPath, [...process.execArgv, program, ...this.#words], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const [code] = await once(this.#child, 'exit');
    if (this.#stopped) return;
    this.#state = code === 0 ? 'loaded' : 'failed';
    if (code === 0) this.#log.info({}, 'the demo population is loaded');
    else this.#log.error({}, 'the demo population could not be loaded; the next start goes on with it');
  }

  /** The next start goes on with it. */
  stop(): void {
    this.#stopped = true;
    this.#child?.kill();
  }
}

/** The loading process's side. */
export async function loadDemoPopulation(config: Config): Promise<void> {
  const { bundles } = await import('../demo/bundles.js');
  const { transaction } = await import('../interactions/bundle/transaction.js');
  const { openForCommand } = await import('./command-tenant.js');
  const { context, ledger, close } = await openForCommand(config);
  const mark = ledger.get(MARK);
  const day = mark?.startsWith(BEGUN) === true ? Number(mark.slice(BEGUN.length)) : today(context.clock);
  await ledger.set(MARK, `${BEGUN}${day}`);
  for (const { bundle } of bundles({ ...POPULATION, now: day })) {
    await transaction(Array.isArray(bundle.entry) ? bundle.entry : [], 'return=minimal', context);
  }
  await ledger.set(MARK, 'complete');
  await close();
}

const DAY = 86_400_000;

function today(clock: Clock): number {
  return clock.now() - (clock.now() % DAY);
}
