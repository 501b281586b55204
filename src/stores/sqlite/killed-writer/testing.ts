/** The child of kill.test.ts: writes pairs of resources, a few commits at a time, and tells its parent each answer. */
import { contractWorld, put, tokenValue, write } from '../../../ports/contract-world.js';
import { openStore } from '../testing.js';

const [, , file = '', round = ''] = process.argv;
const store = await openStore(file, contractWorld());

async function writePairs(lane: number): Promise<never> {
  for (let at = 0; ; at++) {
    const id = `${round}-${lane}-${at}`;
    await write(
      store.backend,
      put('Patient', `${id}-a`, [tokenValue('code', 'a')]),
      put('Patient', `${id}-b`, [tokenValue('code', 'a')]),
    );
    process.send?.(id);
  }
}

process.on('disconnect', () => process.exit(0));
await Promise.all([0, 1, 2, 3].map(writePairs));
