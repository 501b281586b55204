/** What a purge leaves in the files of the store: nothing but the name. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  contractWorld,
  idsOf,
  prepared,
  purge,
  put,
  searchOf,
  stringValue,
  UNRESTRICTED,
  write,
} from '../../ports/contract-world.js';
import type { SqliteStore } from './store.js';
import { freshFolder, openStore } from './testing.js';

const NAME = 'Unforgettable';
/** As they stand in string rows and in the full text. */
const FORMS = [NAME, NAME.toLowerCase(), 'indelible'];

let folder: string;
let file: string;
let store: SqliteStore;
beforeEach(async () => {
  folder = freshFolder();
  file = join(folder, 'store.db');
  store = await openStore(file, contractWorld());
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const named = (id: string, name: string, text: string) => {
  const values = [stringValue('name', name)];
  return put('Patient', id, values, { resource: prepared(values, text) });
};

/** Which of the forms are in the database or its log. */
function found(): readonly string[] {
  const bytes = ['', '-wal'].flatMap((end) => (existsSync(file + end) ? [readFileSync(file + end)] : []));
  return FORMS.filter((form) => bytes.some((each) => each.includes(form)));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a purge', { timeout: 120_000 }, () => {
  beforeEach(async () => {
    const { backend } = store;
    await write(backend, named('1', NAME, 'indelible'), named('2', 'Other', 'plain'));
    await write(backend, named('1', NAME, 'indelible twice'));
    await store.followFullText();
    expect(found()).toEqual(FORMS);
  });

  test('leaves no byte of it in the files, soon after it', async () => {
    await write(store.backend, purge('Patient', '1'));

    await until(() => found().length === 0);

    expect((await store.backend.read({ type: 'Patient', id: '2' }, UNRESTRICTED)).kind).toBe('found');
  });

  test('leaves no byte of it in the files of a store that is closed at once, but in the index of words', async () => {
    await write(store.backend, purge('Patient', '1'));
    await store.close();

    expect(found()).not.toContain(NAME);

    store = await openStore(file, contractWorld());
    await write(store.backend, named('3', 'Third', 'plain'));
    await until(() => found().length === 0);
  });

  test('keeps nobody waiting for the full-text index', async () => {
    await write(store.backend, purge('Patient', '1'));

    await store.followFullText();

    expect(idsOf(await store.backend.search(searchOf('Patient')))).toEqual(['2']);
  });

  test('is heard of by another process, which had the body in memory', async () => {
    const other = await openStore(file, contractWorld());
    const read = async () => (await other.backend.read({ type: 'Patient', id: '1' }, UNRESTRICTED)).kind;
    expect([await read(), await read()]).toEqual(['found', 'found']);

    await write(store.backend, purge('Patient', '1'));
    await new Promise(setImmediate); // one look at the store holds for a turn of the event loop

    expect(await read()).toBe('absent');
    await write(other.backend, named('1', 'Again', 'plain'));
    expect((await store.backend.read({ type: 'Patient', id: '1' }, UNRESTRICTED)).kind).toBe('found');
    await other.close();
  });
});
