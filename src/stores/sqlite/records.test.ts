/** The embedded store keeps the promises of the Records port. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { contractWorld, HandClock } from '../../ports/contract-world.js';
import { type RecordsWorld, recordsContract } from '../../ports/records.contract.js';
import { Connection } from './connection.js';
import { freshFolder, openStore } from './testing.js';

const folders: string[] = [];
const closings: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0)) await close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function recordsWorld(): Promise<RecordsWorld & { readonly file: string }> {
  const folder = freshFolder();
  folders.push(folder);
  const file = join(folder, 'store.db');
  const clock = new HandClock();
  const world = contractWorld(clock);
  const [here, there] = [await openStore(file, world), await openStore(file, world)];
  closings.push(here.close, there.close);
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
