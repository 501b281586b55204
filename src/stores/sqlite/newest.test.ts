/** What is newest of each patient, as it stands beside the index, against the index itself; and searches that go by it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../base/log.js';
import type { CommitResult, Write } from '../../ports/backend.js';
import {
  commitOf,
  contractWorld,
  dateValue,
  idsOf,
  purge,
  put,
  referenceValue,
  remove,
  START,
  searchOf,
  token,
  tokenValue,
  write,
} from '../../ports/contract-world.js';
import { Dice } from '../../ports/dice.js';
import { Connection } from './connection.js';
import { Reindexer } from './reindex.js';
import type { SqliteStore } from './store.js';
import { freshFolder, openStore } from './testing.js';

const KEPT = 'SELECT param, value, date FROM newest ORDER BY 1, 2';
const COMPUTED = `SELECT k.param, k.value, max(k.date) FROM key_index k JOIN param p ON p.id = k.param
  WHERE p.code IN ('patient', 'subject') AND k.date < 9000000000000000 GROUP BY 1, 2 ORDER BY 1, 2`;
const seed = Number(process.env.FAIRWAY_TEST_SEED ?? 20_240_101);

const world = contractWorld();
let folder: string;
let file: string;
let store: SqliteStore;
beforeEach(async () => {
  folder = freshFolder();
  file = join(folder, 'store.db');
  store = await openStore(file, world);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function read<T>(look: (connection: Connection) => T): T {
  const connection = Connection.open(file, 'reader');
  try {
    return look(connection);
  } finally {
    connection.close();
  }
}

const referring = (id: string, date: number | undefined, patients: readonly string[], param = 'subject') =>
  put('Observation', id, [
    tokenValue('code', 'a'),
    ...(date === undefined ? [] : [dateValue('date', date)]),
    ...patients.map((patient) => referenceValue(param, 'Patient', patient)),
  ]);
const observation = (id: string, date: number | undefined, ...patients: readonly string[]) =>
  referring(id, date, patients);

describe('what is newest of each patient', () => {
  test(`is what the index says, whatever was written, and by whom (seed ${seed})`, async () => {
    const dice = new Dice(seed);
    const other = await openStore(file, world);
    const anyWrite = (): Write => {
      const id = `o${dice.below(12)}`;
      const what = dice.below(8);
      if (what === 0) return remove('Observation', id);
      if (what === 1) return purge('Observation', id);
      const date = what === 2 ? undefined : START + dice.below(20);
      const patients = dice.some(2, () => `p${dice.below(6)}`);
      return referring(id, date, patients, dice.pick(['subject', 'subject', 'patient', 'encounter']));
    };
    const never = put('Patient', 'p0', [], { expected: { kind: 'version', versionId: '99' } });
    const anyCommit = (): Promise<CommitResult> => {
      const writes = [...new Map(dice.some(6, anyWrite).map((one) => [one.id, one])).values()];
      const isRefused = dice.below(3) === 0;
      const { backend } = dice.pick([store, other]);
      return backend.commit(commitOf(isRefused ? [...writes, never] : writes));
    };
    const kinds = new Set<string>();
    let most = 0;
    for (let round = 0; round < 80; round++) {
      // Those of one store that come together are one group, of which some are undone.
      const results = await Promise.all(Array.from({ length: 1 + dice.below(5) }, anyCommit));
      for (const { kind } of results) kinds.add(kind);
      const [kept, computed] = read((connection) => [connection.all(KEPT), connection.all(COMPUTED)]);
      expect(kept).toEqual(computed);
      most = Math.max(most, kept.length);
    }
    expect([...kinds].sort()).toEqual(['committed', 'version-conflict']);
    expect(most).toBeGreaterThan(5);
    await other.close();
  });

  test('is the same when the index is made anew', async () => {
    await write(store.backend, ...[3, 1, 2].map((at) => observation(`o${at}`, START + at, `p${at % 2}`)));
    const before = read((connection) => connection.all(KEPT).map(([, , date]) => date));
    await store.close();
    const connection = Connection.open(file, 'control');
    const definitions = { ...world.definitions, fingerprint: 'other' };
    await new Reindexer(connection, definitions, world.makeIndexer(), silentLogger, 2).run();
    connection.close();
    expect(before).toEqual([START + 3, START + 2]);
    expect(read((one) => one.all(KEPT).map(([, , date]) => date)).sort()).toEqual(before.sort());
    store = await openStore(file, { ...world, definitions });
  });

  test('leaves no date behind of what was deleted', async () => {
    await write(store.backend, observation('o', START + 77, 'p'), observation('undated', undefined, 'p'));
    await write(store.backend, remove('Observation', 'o'));
    expect(read((connection) => connection.all(KEPT))).toEqual([]);
  });
});

describe.each([
  ['a handful of', 7, 40],
  ['many', 80, 3], // so many that nobody counts their rows
])('a search along %s references, newest first,', (_name, patients, each) => {
  const chain = {
    op: 'chain',
    param: 'subject',
    targets: [{ type: 'Patient', where: token('code', 'x') }],
  } as const;
  const newestFirst = (more: object = {}) =>
    searchOf('Observation', chain, {
      sort: [{ param: 'date', kind: 'date', descending: true }],
      count: 5,
      ...more,
    });
  const [last, lastOfEach] = [patients - 1, each - 1];

  beforeEach(async () => {
    const all = Array.from({ length: patients }, (_, at) => `p${at}`);
    const rounds = Array.from({ length: each }, (_, nth) => nth);
    await write(
      store.backend,
      ...all.map((id) => put('Patient', id, [tokenValue('code', 'x')])),
      ...all.flatMap((id, at) =>
        rounds.map((nth) => observation(`${id}-${nth}`, START + at + 100 * nth, id)),
      ),
    );
  });

  test('finds what was added, moved and taken away since', async () => {
    const found = async () => idsOf(await store.backend.search(newestFirst()));
    const newestOf = (back: number) => `p${last - back}-${lastOfEach}`;
    expect(await found()).toEqual([0, 1, 2, 3, 4].map(newestOf));

    await write(
      store.backend,
      observation('p0-0', START + 100_000, 'p0'),
      observation(newestOf(0), START - 1, `p${last}`),
      remove('Observation', newestOf(1)),
      observation(newestOf(2), undefined, `p${last - 2}`),
      observation(newestOf(3), START + last - 3 + 100 * lastOfEach, 'p1'),
      purge('Observation', newestOf(4)),
    );

    expect((await found()).slice(0, 4)).toEqual(['p0-0', ...[3, 5, 6].map(newestOf)]);
  });

  test('goes from page to page to the last, and ends with what has no date', async () => {
    await write(store.backend, observation('undated', undefined, 'p3'));
    const all: string[] = [];
    let page = await store.backend.search(newestFirst({ count: 9 }));
    for (;;) {
      all.push(...idsOf(page));
      if (page.next === undefined) break;
      page = await store.backend.search(newestFirst({ count: 9, after: page.next, asOf: page.asOf }));
    }
    const dated = Array.from({ length: patients * each }, (_, at) => {
      return `p${last - (at % patients)}-${lastOfEach - Math.floor(at / patients)}`;
    });
    expect(all).toEqual([...dated, 'undated']);
  });
});
