/** Node's own object of a tick is what is kept: were it another, ticks would become slow unseen. */
import { expect, test } from 'vitest';
import { keepTicksQuick } from './next-tick.js';

test('what is kept is made by process.nextTick', async () => {
  const kept = await keepTicksQuick();
  expect(Object.keys(kept)).toEqual(['callback', 'args']);
  expect(Object.getOwnPropertySymbols(kept)).toHaveLength(2);
});

test('it is kept once', async () => {
  expect(await keepTicksQuick()).toBe(await keepTicksQuick());
});
