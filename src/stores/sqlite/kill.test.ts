/**
 * Processes that are killed: a writer at any moment, a reader past its deadline.
 *
 * Invariant: every write that was answered is there, with its index; none is there in half.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  allIds,
  contractWorld,
  put,
  searchOf,
  token,
  tokenValue,
  UNRESTRICTED,
  type World,
  write,
} from '../../ports/contract-world.js';
import { ReaderPool } from './reader-pool.js';
import { freshFolder, openStore } from './testing.js';

const ROUNDS = 5;
const ANSWERS = 120;
const PROGRAM = join(process.cwd(), 'dist/stores/sqlite/killed-writer/testing.js');

describe('after a kill', () => {
  const world: World = contractWorld();
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = freshFolder();
    file = join(folder, 'store.db');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Ids of the commits that the child had answered when it was killed: each commit has two resources. */
  async function killedAfter(answers: number, round: number): Promise<readonly string[]> {
    const child: ChildProcess = fork(PROGRAM, [file, String(round)], { execArgv: [] });
    const answered: string[] = [];
    const enough = new Promise<void>((resolve) => {
      child.on('message', (id: string) => {
        answered.push(id);
        if (answered.length === answers) resolve();
      });
    });
    await enough;
    child.kill('SIGKILL');
    await once(child, 'exit');
    return answered;
  }

  test('of the writer every answered write is there and none in half', async () => {
    const answered: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      answered.push(...(await killedAfter(ANSWERS + 37 * round, round)));
      const store = await openStore(file, world);
      const found = new Set(await allIds(store.backend, searchOf('Patient', token('code', 'a'))));
      expect(answered.filter((id) => !found.has(`${id}-a`) || !found.has(`${id}-b`))).toEqual([]);
      for (const id of found)
        expect(found.has(id.endsWith('a') ? `${id.slice(0, -1)}b` : `${id.slice(0, -1)}a`)).toBe(true);
      await store.close();
    }
  });

  test('of a reader past its deadline the search is too costly, and the next one is answered', async () => {
    const store = await openStore(file, world);
    await write(store.backend, put('Patient', '1', [tokenValue('code', 'a')]));
    const pool = new ReaderPool(file, world.definitions.primaryDates);
    const job = { query: searchOf('Patient').query, access: UNRESTRICTED, count: 5, total: 'none' } as const;
    const late = Promise.all([pool.run(job, 1), pool.run(job, 1), pool.run(job, 1)]);
    await expect(late).rejects.toMatchObject({ name: 'Refusal', kind: 'too-costly' });
    const found = await pool.run(job, 20_000);
    expect(found.places).toHaveLength(1);
    pool.close();
    await store.close();
  });
});
