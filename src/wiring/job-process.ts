/**
 * A process that works on jobs (`fairway run-jobs`, which the server starts itself): claims parts and does them until there
 * were none for a while.
 *
 * Invariant: requests come first: it is niced, and has its own connections to the store. It ends with its parent.
 */
import { setPriority } from 'node:os';
import type { Config } from '../config.js';
import type { TenantParts } from '../interactions/context.js';
import { JOB_KINDS } from '../jobs/job-kinds.js';
import { JobRunner } from '../jobs/job-runner.js';
import { SOURCE_KIND } from '../jobs/source/source-kind.js';
import { openFetcher } from './fetching.js';
import { endOnDefect, openLog } from './process-log.js';
import { openSourceKind } from './sources.js';
import { openTenant } from './tenant.js';

const NICENESS = 10;
const HOUR = 3_600_000;
/** How often it looks for work that nobody told it of. */
const LOOK_MILLISECONDS = 1_000;
const IDLE_MILLISECONDS = 60_000;

export async function runJobs(config: Config): Promise<void> {
  setPriority(NICENESS);
  const log = openLog(config.logLevel, 1);
  endOnDefect(log);
  const bell = new Bell();
  const { parts, store } = await openTenant(config, log);
  const runner = openRunner(config, parts);
  let isStopped = false;
  const stop = (): void => {
    isStopped = true;
    runner.stop();
    bell.ring();
  };
  for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.on(event, stop);
  process.on('message', () => bell.ring());
  let idleSince = performance.now();
  while (!isStopped) {
    if (await runner.step()) {
      idleSince = performance.now();
      continue;
    }
    await runner.tidy();
    if (await store.jobs.hasWork()) idleSince = performance.now();
    else if (performance.now() - idleSince > IDLE_MILLISECONDS) break;
    if (!isStopped) await bell.heard(LOOK_MILLISECONDS);
  }
  await parts.auditing?.stop();
  await store.close();
}

export function openRunner(config: Config, parts: TenantParts): JobRunner {
  const { jobLease: lease, jobHours, jobPartSize: partSize } = config;
  const { importFileLimit: fileLimit, importTimeLimit: fileTimeLimit, bodyLimit: lineLimit } = config;
  return new JobRunner({
    parts,
    kinds: { ...JOB_KINDS, [SOURCE_KIND]: openSourceKind(config) },
    fetcher: openFetcher(config),
    settings: { lease, kept: jobHours * HOUR, partSize, fileLimit, fileTimeLimit, lineLimit },
  });
}

/** Somebody says that there is work. */
class Bell {
  #heard: () => void = () => undefined;

  ring(): void {
    this.#heard();
  }

  /** Resolves when it rings, or when the time is over. */
  heard(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#heard = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
