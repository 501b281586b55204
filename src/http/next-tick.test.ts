/** Node's own object of a tick is what is kept: were it another, ticks would become slow unseen. */
import { expect, test } from 'vitest';
import { keepTicksQuick } from './next-tick.js';

test('what is kept is made by process.nextTick', async () => {
  const kept = await keepTicksQuick();
  expect(Object.keys(kept)).toEqual(['callback', 'args']);
  // Whoever follows asynchronous work, as the runner of tests does, adds a symbol of its own.
  const symbols = Object.getOwnPropertySymbols(kept).map(({ description }) => description);
  expect(symbols).toEqual(expect.arrayContaining(['async_id_symbol', 'trigger_async_id_symbol']));
});

test('it is kept once', async () => {
  expect(await keepTicksQuick()).toBe(await keepTicksQuick());
});
