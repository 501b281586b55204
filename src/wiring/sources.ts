/** The sources of the configuration: who pulls them, who looks whether they are due, what the operator and the doctor see. */
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openAccess } from '../access/open.js';
import type { Check } from '../cli/doctor.js';
import type { SourcesView, SourceView } from '../cli/sources.js';
import type { Config } from '../config.js';
import type { JobKind } from '../jobs/job-kind.js';
import { SourceSchedule } from '../jobs/source/schedule.js';
import { readKey, sourceKind } from '../jobs/source/source-kind.js';
import { openLog } from './process-log.js';
import { pullParts } from './pulling.js';
import { openTenant, storeFile, type Tenant } from './tenant.js';

const LOOK_MILLISECONDS = 1_000;
const STEP_MILLISECONDS = 250;

const readText = (file: string): string => readFileSync(file, 'utf8');

export function openSourceKind(config: Config): JobKind {
  return sourceKind({
    sources: config.sources,
    folder: join(config.dataDir, 'sources'),
    pull: async (wanted, listener, between) => {
      const { pull } = await import('../jobs/bulk-client/pull.js');
      return pull(wanted, pullParts(wanted, config, between), listener);
    },
    readFile: readText,
    // The operator's configuration says that its data is to be here.
    access: (source) => ({ ...openAccess(`source ${source}`), principal: `source ${source}` }),
  });
}

function openSchedule({ sources }: Config, { parts, store }: Tenant): SourceSchedule {
  return new SourceSchedule({
    sources,
    records: store.records,
    jobs: store.jobs,
    wake: () => parts.jobs.wake(),
    clock: parts.clock,
    newId: parts.newId,
    log: parts.log,
    removeFolder: (folder) => rm(folder, { recursive: true, force: true }),
  });
}

/** Looks again and again while the server runs. Every process does; one of them begins a run. */
export function followSources(config: Config, tenant: Tenant): { stop(): Promise<void> } {
  const schedule = openSchedule(config, tenant);
  const { log } = tenant.parts;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      await schedule.look();
    } catch (error) {
      log.error(
        { error: error instanceof Error ? error.name : typeof error },
        'sources could not be looked after',
      );
    }
    looking = undefined;
  };
  const timer = setInterval(() => {
    looking ??= look();
  }, LOOK_MILLISECONDS);
  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

/** For commands of the operator, which may be given while the server runs. */
export async function withSources<T>(config: Config, work: (view: SourcesView) => Promise<T>): Promise<T> {
  const tenant = await openTenant(config, openLog(config.logLevel === 'info' ? 'error' : config.logLevel, 2));
  const schedule = openSchedule(config, tenant);
  try {
    return await work({
      list: () => Promise.all(Object.keys(config.sources).map((name) => viewOf(name, config, schedule))),
      run: async (name, told) => {
        await schedule.settle(name);
        await schedule.begin(name);
        await workUntilSettled(name, config, tenant, schedule, told);
        return viewOf(name, config, schedule);
      },
    });
  } finally {
    await tenant.parts.auditing?.stop();
    await tenant.store.close();
  }
}

/** The command does what is to be done itself, where no process of a server has it. */
async function workUntilSettled(
  name: string,
  config: Config,
  { parts }: Tenant,
  schedule: SourceSchedule,
  told: (view: SourceView) => void,
): Promise<void> {
  const { openRunner } = await import('./job-process.js');
  const runner = openRunner(config, parts);
  for (;;) {
    await schedule.settle(name);
    const view = await viewOf(name, config, schedule);
    if (view.underway === undefined) return;
    told(view);
    if (!(await runner.step())) await pause(STEP_MILLISECONDS);
  }
}

async function viewOf(name: string, { sources }: Config, schedule: SourceSchedule): Promise<SourceView> {
  // In this order: where no run is under way any more, what came of it is there.
  const underway = await schedule.underway(name);
  const state = await schedule.state(name);
  const every = sources[name]?.every;
  return {
    name,
    url: sources[name]?.request.base.href ?? '',
    state,
    ...(every === undefined ? {} : { every }),
    ...(underway === undefined ? {} : { underway }),
  };
}

/** One for each: its key can be used, and its last run did not fail. */
export function sourceChecks(config: Config): readonly Check[] {
  return Object.entries(config.sources).map(([name, { client }]) => ({
    name: `source ${name}`,
    run: async () => {
      const { readSigningKey } = await import('../jobs/bulk-client/signing-key.js');
      if (client !== undefined) await readSigningKey(readKey(client.key, readText), client.kid);
      if (!existsSync(storeFile(config))) return 'never pulled';
      const [found] = await withSources(config, async (view) =>
        (await view.list()).filter((source) => source.name === name),
      );
      const last = found?.state.last;
      if (last === undefined) return 'never pulled';
      const when = new Date(last.ended).toISOString();
      if (last.outcome === 'failed') throw new Error(`the last run failed at ${when}: ${last.problem}`);
      return last.outcome === 'good' ? `pulled at ${when}` : `pulled in part at ${when}: ${last.problem}`;
    },
  }));
}
