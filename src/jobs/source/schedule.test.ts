/** When sources are pulled: begun once by whichever process, tried again later each time, asked from where all was in. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.js';
import { contractWorld, HandClock } from '../../ports/contract-world.js';
import type { Claim } from '../../ports/jobs.js';
import type { SqliteStore } from '../../stores/sqlite/store.js';
import { freshFolder, openStore } from '../../stores/sqlite/testing.js';
import { SourceSchedule } from './schedule.js';
import { readSourceSpec, type SourceResult, writeSource } from './source-spec.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const TIME = '2026-01-31T00:00:00.000Z';

let folder: string;
let clock: HandClock;
let stores: readonly [SqliteStore, SqliteStore];
let removed: string[];
let ids = 0;

beforeEach(async () => {
  folder = freshFolder();
  clock = new HandClock();
  removed = [];
  const world = contractWorld(clock);
  const file = join(folder, 'store.db');
  stores = [await openStore(file, world), await openStore(file, world)];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function scheduleOf({ records, jobs }: SqliteStore): SourceSchedule {
  const base = new URL('https://fhir.example.org');
  return new SourceSchedule({
    sources: {
      night: { request: { base, level: { kind: 'system' }, types: [], typeFilters: [] }, every: DAY },
      asked: { request: { base, level: { kind: 'system' }, types: [], typeFilters: [] } },
    },
    records,
    jobs,
    wake: () => undefined,
    clock,
    newId: () => `run-${++ids}`,
    log: silentLogger,
    removeFolder: async (name) => {
      removed.push(name);
    },
  });
}

async function claimed(): Promise<Claim | undefined> {
  return stores[0].jobs.claim(`lease-${++ids}`, clock.now() + MINUTE);
}

async function end(claim: Claim | undefined, result: SourceResult, next: SourceResult[] = []): Promise<void> {
  if (claim === undefined) throw new Error('nothing was begun');
  const parts = next.map(() => ({ spec: '{}', total: 1 }));
  expect(
    await stores[0].jobs.finish(claim, { result: writeSource(result), next: parts }, clock.now() + DAY),
  ).toBe(true);
  for (const one of next) {
    const part = await claimed();
    if (part === undefined) throw new Error('a part is missing');
    await stores[0].jobs.finish(part, { result: writeSource(one), next: [] }, clock.now() + DAY);
  }
}

const pulledResult = (more: Partial<SourceResult & { step: 'pull' }> = {}): SourceResult => ({
  step: 'pull',
  transactionTime: TIME,
  folder: '/data/sources/night/1',
  serverErrors: 0,
  deleted: 2,
  ...more,
});
const fileResult = (refused = 0): SourceResult => ({
  step: 'file',
  stored: 5,
  refused,
  errors: refused > 0 ? ['jobs/a/errors'] : [],
});

describe('a source', () => {
  it('that is due is begun once, by one of several processes; one without a time by nobody', async () => {
    const [one, other] = stores.map(scheduleOf) as [SourceSchedule, SourceSchedule];

    await Promise.all([one.look(), other.look(), one.look()]);

    const claim = await claimed();
    expect(readSourceSpec(claim?.job.spec ?? '')).toEqual({ source: 'night' });
    expect(await claimed()).toBeUndefined();
    expect(await other.underway('asked')).toBeUndefined();
    expect(await other.begin('night')).toBe(false);
  });

  it('that was good is asked for what has changed since, when its time has come', async () => {
    const [one, other] = stores.map(scheduleOf) as [SourceSchedule, SourceSchedule];
    const began = clock.now();
    await one.look();
    await end(await claimed(), pulledResult(), [fileResult(), fileResult()]);

    await Promise.all([one.look(), other.look()]);

    const state = await other.state('night');
    expect(state).toMatchObject({ since: TIME, failures: 0, due: began + DAY });
    expect(state.last).toMatchObject({ outcome: 'good', stored: 10, deleted: 2, refused: 0 });
    expect(new Set(removed)).toEqual(new Set(['/data/sources/night/1']));
    expect(await claimed()).toBeUndefined();
    clock.time += DAY;
    await one.look();
    expect(readSourceSpec((await claimed())?.job.spec ?? '')).toEqual({ source: 'night', since: TIME });
  });

  it.each([
    [
      'could not export everything',
      pulledResult({ serverErrors: 1 }),
      fileResult(),
      undefined,
      'could not export',
    ],
    ['brought what is refused here', pulledResult(), fileResult(3), TIME, 'Refused here: 3; jobs/a/errors'],
  ] as const)('that %s was pulled in part, and says so', async (_case, pull, file, since, text) => {
    const schedule = scheduleOf(stores[0]);
    await schedule.look();
    await end(await claimed(), pull, [file]);

    await schedule.look();

    const state = await schedule.state('night');
    expect(state.since).toBe(since);
    expect(state.last).toMatchObject({ outcome: 'partly', problem: expect.stringContaining(text) });
  });

  it('that failed is tried again, later each time, from the same time on', async () => {
    const schedule = scheduleOf(stores[0]);
    for (const minutes of [1, 2, 4, 8]) {
      await schedule.look();
      const claim = await claimed();
      if (claim === undefined) throw new Error('nothing was begun');
      await stores[0].jobs.fail(claim, 'It is not there.', true, clock.now() + DAY);
      await schedule.look();
      expect((await schedule.state('night')).due).toBe(clock.now() + minutes * MINUTE);
      clock.time += minutes * MINUTE - 1;
      await schedule.look();
      expect(await claimed()).toBeUndefined();
      clock.time += 1;
    }

    const state = await schedule.state('night');
    expect(state).toMatchObject({ failures: 4, last: { outcome: 'failed', problem: 'It is not there.' } });
    expect(state.since).toBeUndefined();
  });

  it('whose process died between writing a run down and its job is begun anew', async () => {
    const schedule = scheduleOf(stores[0]);
    await stores[1].records.insert('source-run', 'night', writeSource({ job: 'none', began: clock.now() }));
    await schedule.look();
    expect(await claimed()).toBeUndefined();

    clock.time += MINUTE;
    await schedule.look();
    clock.time += MINUTE;
    await schedule.look();

    expect(readSourceSpec((await claimed())?.job.spec ?? '')).toEqual({ source: 'night' });
  });
});
