/** Backups: consistent under writes, verified before they replace anything, never under a running server. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  allIds,
  contractWorld,
  put,
  searchOf,
  token,
  tokenValue,
  write,
} from '../../ports/contract-world.js';
import { restoreBackup, verifyBackup } from './backup.js';
import { freshFolder, openStore } from './testing.js';

describe('a backup', () => {
  const world = contractWorld();
  let folder: string;
  let file: string;
  let copy: string;

  beforeEach(() => {
    folder = freshFolder();
    file = join(folder, 'store.db');
    copy = join(folder, 'backup.db');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function backedUp(): Promise<void> {
    const store = await openStore(file, world);
    await write(
      store.backend,
      ...Array.from({ length: 50 }, (_, at) => put('Patient', `p${at}`, [tokenValue('code', 'a')])),
    );
    await store.backup(copy, () => undefined);
    await store.close();
  }

  test('holds one moment of a store that is written meanwhile, and tells its progress', async () => {
    const store = await openStore(file, world);
    const rest = `,"text":"${'x'.repeat(20_000)}"}`;
    const large = (id: string) =>
      put('Patient', id, [], {
        resource: { metaRest: '', rest, values: [tokenValue('code', 'a')], indexedAt: 0 },
      });
    await write(store.backend, ...Array.from({ length: 1_000 }, (_, at) => large(`p${at}`)));
    const steps: number[] = [];
    const writes: Promise<unknown>[] = [];
    await store.backup(copy, (done) => {
      steps.push(done);
      writes.push(write(store.backend, put('Patient', `late${steps.length}`, [tokenValue('code', 'a')])));
    });
    await Promise.all(writes);
    await store.close();
    expect(steps.length).toBeGreaterThan(1);
    const restored = await openStore(copy, world);
    expect(await allIds(restored.backend, searchOf('Patient', token('code', 'a')))).toHaveLength(1_000);
    await restored.close();
  });

  test('is verified', async () => {
    await backedUp();
    expect(() => verifyBackup(copy)).not.toThrow();
    expect(() => verifyBackup(join(folder, 'none.db'))).toThrowError(
      expect.objectContaining({ kind: 'missing' }),
    );
    const bytes = readFileSync(copy);
    bytes.fill(0xff, bytes.length - 20_000, bytes.length - 8_000);
    writeFileSync(copy, bytes);
    expect(() => verifyBackup(copy)).toThrowError(expect.objectContaining({ name: 'StoreError' }));
  });

  test('replaces a store that nobody has open', async () => {
    await backedUp();
    const store = await openStore(file, world);
    await write(store.backend, put('Patient', 'after', [tokenValue('code', 'a')]));
    await store.close();
    restoreBackup(copy, file);
    const restored = await openStore(file, world);
    expect(await allIds(restored.backend, searchOf('Patient'))).toHaveLength(50);
    await restored.close();
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('does not replace a store that is open', async () => {
    await backedUp();
    const store = await openStore(file, world);
    await write(store.backend, put('Patient', 'after'));
    expect(() => restoreBackup(copy, file)).toThrowError(expect.objectContaining({ kind: 'in-use' }));
    expect(await allIds(store.backend, searchOf('Patient'))).toHaveLength(51);
    await store.close();
  });

  test('replaces a store that is beyond opening', async () => {
    await backedUp();
    writeFileSync(file, 'damaged '.repeat(5_000));
    restoreBackup(copy, file);
    const restored = await openStore(file, world);
    expect(await allIds(restored.backend, searchOf('Patient'))).toHaveLength(50);
    await restored.close();
  });

  test('that is damaged replaces nothing', async () => {
    await backedUp();
    writeFileSync(copy, 'no database '.repeat(1_000));
    const before = readFileSync(file);
    expect(() => restoreBackup(copy, file)).toThrowError(
      expect.objectContaining({
        kind: 'not-a-database',
        message: `The file ${copy} is no backup: name another file.`,
      }),
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('that is only half there replaces nothing', async () => {
    await backedUp();
    writeFileSync(copy, readFileSync(copy).subarray(0, 20_000));
    const before = readFileSync(file);
    expect(() => restoreBackup(copy, file)).toThrowError(
      expect.objectContaining({
        kind: 'corrupt',
        message: `The file ${copy} is damaged: take another backup.`,
      }),
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('that cannot be written leaves nothing behind', async () => {
    const store = await openStore(file, world);
    const target = join(folder, 'no', 'such', 'backup.db');
    await expect(store.backup(target, () => undefined)).rejects.toThrowError(
      expect.objectContaining({
        kind: 'unwritable',
        message: `The folder ${dirname(target)} is not there: make it, or name another file.`,
      }),
    );
    expect(existsSync(target)).toBe(false);
    await store.close();
  });
});
