/** The audit log of this store keeps the contract, and what is beyond it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditLogContract, RECORD } from '../../ports/audit-log.contract.js';
import { contractWorld } from '../../ports/contract-world.js';
import { freshFolder, openStore } from './testing.js';

auditLogContract(async () => {
  const folder = freshFolder();
  const store = await openStore(join(folder, 'store.db'), contractWorld());
  return {
    ...store,
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

describe('the audit log of this store', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = freshFolder();
    file = join(folder, 'store.db');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('is whole when the store was closed, notes included', async () => {
    const store = await openStore(file, contractWorld());
    store.audit.note(RECORD);
    await store.close();

    const again = await openStore(file, contractWorld());
    const batches = await again.audit.read(0, 10);
    await again.close();

    // The last batch has no record: it vouches for the end of the chain.
    expect(batches.map(({ records }) => records)).toEqual([[RECORD], []]);
  });

  test('has a chain for each writer', async () => {
    const stores = await Promise.all([openStore(file, contractWorld()), openStore(file, contractWorld())]);
    await Promise.all(stores.map((store) => store.audit.record(RECORD)));

    const batches = await stores[0]?.audit.read(0, 10);
    await Promise.all(stores.map((store) => store.close()));

    expect(new Set(batches?.map(({ chain }) => chain.name)).size).toBe(2);
    expect(batches?.map(({ first }) => first)).toEqual([1, 1]);
  });

  test('notes nothing more while it cannot be written', async () => {
    const errors: string[] = [];
    const log = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (_fields: object, message: string) => errors.push(message),
    };
    const store = await openStore(file, contractWorld(), { pageLimit: 80, log });
    const long = { ...RECORD, query: 'x'.repeat(8_000) };
    const fill = async (): Promise<void> => {
      for (let at = 0; at < 200; at++) store.audit.note(long);
      await store.audit.flush();
    };

    await fill();

    expect(() => store.audit.note(RECORD)).toThrow('audit log cannot be written');
    expect(errors).toContain('the audit log cannot be written');
    await store.close();
    expect(errors).toContain('audit records are lost');
  });
});
