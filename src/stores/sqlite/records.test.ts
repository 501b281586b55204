/** The embedded store keeps the promises of the Records port. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { contractWorld, HandClock } from '../../ports/contract-world.js';
import { type RecordsWorld, recordsContract } from '../../ports/records.contract.js';
import { Connection } from './connection.js';
import type { SqliteStore } from './store.js';
import { freshFolder, openStore } from './testing.js';

const folders: string[] = [];
const stores: SqliteStore[] = [];

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function recordsWorld(): Promise<RecordsWorld & { readonly file: string }> {
  const folder = freshFolder();
  folders.push(folder);
  const file = join(folder, 'store.db');
  const clock = new HandClock();
  const world = contractWorld(clock);
  const [here, there] = [await openStore(file, world), await openStore(file, world)];
  stores.push(here, there);
  return {
    file,
    records: here.records,
    elsewhere: there.records,
    now: () => clock.now(),
    pass: (milliseconds) => {
      clock.time += milliseconds;
    },
  };
}

describe('the records of the embedded store', () => {
  recordsContract(recordsWorld);

  it('are of the same generation however much else is stored', async () => {
    const { records } = await recordsWorld();
    await records.put('token', 'a', 'x');
    const before = await records.generation();

    await stores[0]?.ledger.set('what was written', 'last');
    await new Promise((resolve) => setImmediate(resolve));

    expect(await records.generation()).toBe(before);
  });

  it('do not gather when their time has passed', async () => {
    const { file, records, pass, now } = await recordsWorld();
    for (let index = 0; index < 30; index++) {
      await records.insert('jti', String(index), '', { expires: now() + 1000 });
    }
    pass(1000);

    for (let index = 0; index < 3; index++) await records.put('client', 'a', 'x');

    const connection = Connection.open(file, 'reader');
    expect(connection.get('SELECT count(*) FROM record')).toEqual([1]);
    connection.close();
  });
});
