/** What a store's file goes through: opening, older and newer versions, damage, a full disk, other processes. */
import { chmodSync, copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../base/log.js';
import { Inside } from '../../fhir/search/contained-values.js';
import type { Predicate } from '../../fhir/search/query.js';
import {
  allIds,
  commitOf,
  contractWorld,
  dateValue,
  EVERYTHING,
  HandClock,
  idsOf,
  numberValue,
  purge,
  put,
  quantityValue,
  referenceValue,
  remove,
  START,
  searchOf,
  stringValue,
  token,
  tokenValue,
  UNRESTRICTED,
  value,
  write,
} from '../../ports/contract-world.js';
import { Connection } from './connection.js';
import { SCHEMA_VERSION } from './migrations.js';
import { Reindexer } from './reindex.js';
import { BOUNDED } from './search/scope.js';
import { freshFolder, openStore } from './testing.js';

/** Keys that say that there is a range, and what there is by the rows that are kept beside each resource. */
const PRESENCE = `SELECT p.code, k.date, r.id FROM key_index k JOIN param p ON p.id = k.param JOIN resource r ON r.rid = k.rid
  WHERE k.value = -1`;
const RANGES = `SELECT DISTINCT p.code, r.sort_date, r.id FROM resource r JOIN index_entry e ON e.rid = r.rid
  JOIN json_each(e.rows) j JOIN param p ON p.id = j.key JOIN type t ON t.id = r.type
  WHERE json_type(j.value, '$[0][0]') IN ('integer', 'real') AND NOT (p.code = 'date' AND t.name = 'Observation')`;

const NOBODY = 65_534;

/** Root may write everywhere, so it is nobody for as long as `work` takes. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe('a store', () => {
  const world = contractWorld(new HandClock());
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = freshFolder();
    file = join(folder, 'store.db');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** As another program would, past all checks. */
  function alter(change: (connection: Connection) => void): void {
    const connection = Connection.open(file, 'control');
    change(connection);
    connection.close();
  }

  async function filled(): Promise<void> {
    const store = await openStore(file, world);
    await write(
      store.backend,
      put('Patient', '1', [tokenValue('code', 'a')]),
      put('Observation', 'o', [dateValue('date', START), referenceValue('subject', 'Patient', '1')]),
      put('Patient', 'gone', [tokenValue('code', 'a')]),
    );
    await write(store.backend, remove('Patient', 'gone'));
    await store.close();
  }

  test('is there again when it is opened again', async () => {
    await filled();
    const store = await openStore(file, world);
    expect((await store.backend.read({ type: 'Patient', id: '1' }, UNRESTRICTED)).kind).toBe('found');
    expect(await store.backend.position()).toBe(4);
    await store.close();
  });

  test('of the first version is migrated, and its index made anew', async () => {
    await filled();
    alter((connection) => {
      for (const table of [
        'term',
        'param',
        'key_index',
        'range_index',
        'string_index',
        'index_entry',
        'newest',
        'full_text',
        'audit_chain',
        'audit',
        'record',
        'job',
        'job_part',
      ]) {
        connection.execute(`DROP TABLE ${table}`);
      }
      connection.run(
        "DELETE FROM setting WHERE name IN ('index_epoch', 'audit_followed', 'time_floor', 'record_generation')",
      );
      connection.pragma('user_version = 1');
    });
    const store = await openStore(file, world);
    expect(idsOf(await store.backend.search(searchOf('Patient', token('code', 'a'))))).toEqual(['1']);
    const chain = {
      op: 'chain',
      param: 'subject',
      targets: [{ type: 'Patient', where: token('code', 'a') }],
    } as const;
    expect(idsOf(await store.backend.search(searchOf('Observation', chain)))).toEqual(['o']);
    await store.close();
  });

  test('is indexed anew together with what its resources contain', async () => {
    const containing = (id: string, code: string) =>
      put(
        'Observation',
        id,
        new Inside({ type: 'Observation', id }, new Map()).valuesOf('c', 'Patient', [
          tokenValue('code', code),
        ]),
      );
    const before = await openStore(file, world);
    await write(before.backend, containing('o', 'a'), containing('emptied', 'a'), containing('gone', 'a'));
    await write(
      before.backend,
      containing('o', 'b'),
      put('Observation', 'emptied'),
      remove('Observation', 'gone'),
    );
    await before.close();
    const definitions = { ...world.definitions, fingerprint: 'other' };
    const store = await openStore(file, { ...world, definitions });
    expect(idsOf(await store.backend.search(searchOf('#Patient')))).toEqual(['Observation/o#c']);
    expect(idsOf(await store.backend.search(searchOf('#Patient', token('code', 'b'))))).toEqual([
      'Observation/o#c',
    ]);
    await write(store.backend, put('Observation', 'o'));
    expect(idsOf(await store.backend.search(searchOf('#Patient')))).toEqual([]);
    await store.close();
  });

  test('is indexed anew when the definitions have changed, going on where it was interrupted', async () => {
    await filled();
    alter((connection) => {
      // What a process that was killed in the middle leaves behind: a part of the index, and how far it came.
      connection.execute('DELETE FROM key_index; DELETE FROM index_entry');
      connection.run(
        "INSERT INTO setting(name, value) VALUES ('index_building', '7 other'), ('index_built_to', 1)",
      );
      connection.run("DELETE FROM setting WHERE name = 'index_epoch'");
    });
    const definitions = { ...world.definitions, fingerprint: 'other' };
    const store = await openStore(file, { ...world, definitions });
    expect(idsOf(await store.backend.search(searchOf('Patient', token('code', 'a'))))).toEqual([]);
    expect(idsOf(await store.backend.search(searchOf('Observation')))).toEqual(['o']);
    await store.close();
    const again = await openStore(file, world);
    expect(idsOf(await again.backend.search(searchOf('Patient', token('code', 'a'))))).toEqual(['1']);
    await again.close();
  });

  test('has no more of a log for being indexed anew, however many batches that takes', async () => {
    const COUNT = 3_000;
    const store = await openStore(file, world);
    const scattered = (at: number) => `${(at * 7_919) % COUNT} ${'of a long name '.repeat(8)}`;
    await write(
      store.backend,
      ...Array.from({ length: COUNT }, (_, at) =>
        put('Patient', `p${at}`, [tokenValue('code', 'a'), stringValue('name', scattered(at))]),
      ),
    );
    await store.close();
    const connection = Connection.open(file, 'control');
    const definitions = { ...world.definitions, fingerprint: 'other' };
    await new Reindexer(connection, definitions, world.makeIndexer(), silentLogger, 20).run();
    const { size } = statSync(`${file}-wal`);
    connection.close();
    expect(size).toBeLessThan(statSync(file).size);
    const again = await openStore(file, { ...world, definitions });
    expect((await again.backend.search(searchOf('Patient', token('code', 'a'), { count: 0 }))).total).toBe(
      COUNT,
    );
    await again.close();
  });

  test('has a key for each range but the primary date, whatever was changed, and no other', async () => {
    const store = await openStore(file, world);
    const number = numberValue('number', 1);
    const contained = new Inside({ type: 'Observation', id: 'moved' }, new Map());
    const inside = contained.valuesOf('c', 'Observation', [dateValue('date', START), number]);
    await write(
      store.backend,
      put('Patient', 'p', [
        dateValue('birth', START),
        quantityValue('amount', 5, 'mg'),
        tokenValue('code', 'a'),
      ]),
      ...['moved', 'undated', 'emptied', 'gone', 'purged', 'back'].map((id) =>
        put('Observation', id, [dateValue('date', START), number, ...(id === 'moved' ? inside : [])]),
      ),
    );
    await write(
      store.backend,
      put('Observation', 'moved', [dateValue('date', START + 1), number, ...inside]),
      put('Observation', 'undated', [number]),
      put('Observation', 'emptied', [dateValue('date', START)]),
      remove('Observation', 'gone'),
      purge('Observation', 'purged'),
      remove('Observation', 'back'),
    );
    await write(store.backend, put('Observation', 'back', [number, numberValue('number', 2)]));
    await store.close();
    alter((connection) => expect(connection.all(PRESENCE).sort()).toEqual(connection.all(RANGES).sort()));
    alter((connection) => expect(connection.all(PRESENCE)).toHaveLength(7));
  });

  test('tells codes apart whose integers are cut to the same one in keys of a patient and a code', async () => {
    const of = (id: string, patient: string, code: string) =>
      put('Observation', id, [referenceValue('patient', 'Patient', patient), tokenValue('code', code)]);
    const first = await openStore(file, world);
    await write(
      first.backend,
      put('Patient', 'p'),
      put('Patient', 'q'),
      of('a', 'p', 'a'),
      of('n', 'q', 'n'),
    );
    await first.close();
    alter((connection) => {
      const [id = 0] = connection.get<[number]>("SELECT id FROM term WHERE code = 'a'") ?? [];
      const before = id + 1_048_576 - 1; // the next code comes to the same as this one, cut to twenty bits
      connection.run("INSERT INTO term(id, system, code) VALUES (?, 0, 'far')", before);
    });
    // Ends of `_has` are not listed: each patient is asked.
    const store = await openStore(file, world, { searchLimits: { ...BOUNDED, listed: 0 } });
    await write(store.backend, of('b', 'p', 'b'), of('other', 'q', 'b'));
    const both = (patient: string, code: string): Predicate => {
      const target = { kind: 'local', types: ['Patient'], id: patient } as const;
      return { op: 'and', of: [value('patient', { kind: 'reference', target }), token('code', code)] };
    };
    const found = async (type: string, where: Predicate) =>
      idsOf(await store.backend.search(searchOf(type, where, { total: 'accurate' })));
    expect(await found('Observation', both('p', 'a'))).toEqual(['a']);
    expect(await found('Observation', both('p', 'b'))).toEqual(['b']);
    expect(await found('Observation', both('q', 'a'))).toEqual([]);
    for (const [code, ids] of [
      ['a', ['p']],
      ['b', ['p', 'q']],
      ['n', ['q']],
    ] as const) {
      const source = { type: 'Observation', where: token('code', code) };
      const has = { op: 'has', param: 'patient', source } as const;
      expect(await found('Patient', { op: 'and', of: [has, { op: 'not', of: { op: 'nothing' } }] })).toEqual(
        ids,
      );
    }
    await store.close();
  });

  test('of a newer version is refused, and left as it is', async () => {
    await filled();
    alter((connection) => connection.pragma(`user_version = ${SCHEMA_VERSION + 1}`));
    await expect(openStore(file, world)).rejects.toMatchObject({ name: 'StoreError', kind: 'newer' });
    alter((connection) => expect(connection.pragma('user_version')).toBe(SCHEMA_VERSION + 1));
  });

  test('that a newer program takes over is neither read nor written by who has it open', async () => {
    await filled();
    const store = await openStore(file, world);
    const read = async () => store.backend.read({ type: 'Patient', id: '1' }, UNRESTRICTED);
    const search = async () => store.backend.search(searchOf('Patient', token('code', 'a')));
    expect(idsOf(await search())).toEqual(['1']);
    alter((connection) => connection.pragma(`user_version = ${SCHEMA_VERSION + 1}`));
    await new Promise(setImmediate); // one look at the store holds for a turn of the event loop
    const takenOver = { kind: 'unavailable', message: expect.stringContaining('newer version') };
    for (const ask of [read, search, search, read, () => write(store.backend, put('Patient', '2'))]) {
      await expect(ask()).rejects.toMatchObject(takenOver);
    }
    await store.close();
    alter((connection) => {
      expect(connection.column('SELECT id FROM resource WHERE live = 1 ORDER BY id')).toEqual(['1', 'o']);
    });
  });

  test('that is no database, or that of another application, is refused and left as it is', async () => {
    writeFileSync(file, 'this is a letter, not a database. '.repeat(100));
    const before = readFileSync(file);
    await expect(openStore(file, world)).rejects.toMatchObject({ kind: 'not-a-database' });
    expect(readFileSync(file).equals(before)).toBe(true);
    rmSync(file);
    alter((connection) => connection.execute('CREATE TABLE someone_elses(x)'));
    await expect(openStore(file, world)).rejects.toMatchObject({ kind: 'another-application' });
  });

  test('that is damaged is refused by name', async () => {
    await filled();
    const bytes = readFileSync(file);
    bytes.fill(0xff, 100, 8_000);
    writeFileSync(file, bytes);
    await expect(openStore(file, world)).rejects.toMatchObject({ kind: 'corrupt' });
  });

  test('in a folder that is not there, or that is one, is refused', async () => {
    await expect(openStore(join(folder, 'no', 'store.db'), world)).rejects.toMatchObject({
      kind: 'unwritable',
    });
    await expect(openStore(folder, world)).rejects.toMatchObject({ kind: 'unwritable' });
  });

  test('that may not be written is refused', async () => {
    await filled();
    chmodSync(file, 0o444);
    chmodSync(folder, 0o555);
    await asOrdinaryUser(() => expect(openStore(file, world)).rejects.toMatchObject({ kind: 'unwritable' }));
    chmodSync(folder, 0o755);
  });

  test('opened for reading only answers and does not change', async () => {
    await filled();
    const store = await openStore(file, world, { readOnly: true });
    expect(await allIds(store.backend, searchOf('Patient'))).toEqual(['1']);
    await store.close();
    const definitions = { ...world.definitions, fingerprint: 'other' };
    await expect(openStore(file, { ...world, definitions }, { readOnly: true })).rejects.toMatchObject({
      kind: 'failed',
    });
  });

  test('that is full refuses what does not fit, and keeps what was there', async () => {
    const store = await openStore(file, world, { pageLimit: 60 });
    const big = {
      metaRest: '',
      rest: `,"text":"${'x'.repeat(100_000)}"}`,
      values: [tokenValue('code', 'big')],
      indexedAt: 0,
    };
    await write(store.backend, put('Patient', 'first'));
    const attempts = Array.from({ length: 8 }, (_, at) =>
      write(store.backend, put('Patient', `b${at}`, [], { resource: big })),
    );
    const settled = await Promise.allSettled([...attempts, write(store.backend, put('Patient', 'small'))]);
    const refused = settled.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const one of refused) expect(one).toMatchObject({ reason: { name: 'Refusal', kind: 'store-full' } });
    const ids = await allIds(store.backend, searchOf('Patient'));
    expect(ids).toHaveLength(1 + settled.length - refused.length);
    expect(ids).toContain('first');
    expect(idsOf(await store.backend.search(searchOf('Patient', token('code', 'big'))))).toHaveLength(
      ids.filter((id) => id.startsWith('b')).length,
    );
    await store.close();
  });

  test('is written by two processes at once: each sees what the other has committed', async () => {
    const one = await openStore(file, world);
    const two = await openStore(file, world);
    await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        write(
          at % 2 === 0 ? one.backend : two.backend,
          put('Patient', `p${at}`, [tokenValue('code', `c${at % 5}`)]),
        ),
      ),
    );
    for (const { backend } of [one, two]) {
      expect(await allIds(backend, searchOf('Patient', EVERYTHING, { count: 7 }))).toHaveLength(40);
      expect(await allIds(backend, searchOf('Patient', token('code', 'c3')))).toHaveLength(8);
    }
    expect((await one.backend.read({ type: 'Patient', id: 'p1' }, UNRESTRICTED)).kind).toBe('found');
    await write(two.backend, remove('Patient', 'p1'));
    expect((await one.backend.read({ type: 'Patient', id: 'p1' }, UNRESTRICTED)).kind).toBe('deleted');
    const positions = (await one.backend.changes(0, 100)).map(({ position }) => position);
    expect(positions).toEqual([...positions].sort((left, right) => left - right));
    expect(new Set(positions).size).toBe(41);
    await Promise.all([one.close(), two.close()]);
  });

  test('of one condition makes one resource, whichever process asks', async () => {
    const stores = await Promise.all([openStore(file, world), openStore(file, world)]);
    const conditions = [{ type: 'Patient', where: token('code', 'a'), by: 'search' as const, ids: [] }];
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        (stores[at % 2] as (typeof stores)[number]).backend.commit(
          commitOf([put('Patient', `p${at}`, [tokenValue('code', 'a')])], { conditions }),
        ),
      ),
    );
    expect(results.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('that is closed refuses further writes', async () => {
    const store = await openStore(file, world);
    await store.close();
    await expect(write(store.backend, put('Patient', '1'))).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('keeps its ledger, and opens only tokens that it sealed for the same purpose', async () => {
    const store = await openStore(file, world);
    await store.ledger.set('loaded', 'once');
    await store.ledger.set('loaded', 'twice');
    const token = store.sealer.seal('search-cursor', 'päyload');
    await store.close();
    const again = await openStore(file, world);
    expect([again.ledger.get('loaded'), again.ledger.get('never')]).toEqual(['twice', undefined]);
    expect(again.sealer.open('search-cursor', token)).toBe('päyload');
    expect(again.sealer.open('history-cursor', token)).toBeUndefined();
    const otherFirst = `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`;
    for (const changed of [`${token}A`, token.slice(1), otherFirst, '', '%', `${token}=`]) {
      expect(again.sealer.open('search-cursor', changed)).toBeUndefined();
    }
    const other = await openStore(join(folder, 'other.db'), world);
    expect(other.sealer.open('search-cursor', token)).toBeUndefined();
    await Promise.all([again.close(), other.close()]);
  });

  test('copied while open is recovered from its log', async () => {
    const store = await openStore(file, world);
    await write(store.backend, put('Patient', '1'));
    const copy = join(folder, 'copy.db');
    copyFileSync(file, copy);
    copyFileSync(`${file}-wal`, `${copy}-wal`);
    const recovered = await openStore(copy, world);
    expect((await recovered.backend.read({ type: 'Patient', id: '1' }, UNRESTRICTED)).kind).toBe('found');
    await Promise.all([store.close(), recovered.close()]);
  });
});
