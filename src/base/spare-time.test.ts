/** Work that can wait rests the longer the busier its process is. */
import { expect, it } from 'vitest';
import { SpareTime } from './spare-time.js';

/** A process that has worked for a part of the time since the last step, which took ten milliseconds. */
function afterStep(busy: number): (rested: number) => boolean {
  let usage = { ran: 1_000, worked: 500 };
  const spare = new SpareTime(() => usage);
  spare.stepped(10);
  return (rested) => {
    usage = { ran: 1_000 + rested, worked: 500 + busy * rested };
    return spare.isDue();
  };
}

it.each<[string, number, number]>([
  ['a hundred times as long as the step took, in a process that does nothing else', 1, 1_000],
  ['a quarter of that, where half of the time is spare', 0.5, 250],
  ['as long as the step took, where a tenth is spent', 0.1, 10],
  ['no longer where several threads work', 1.9, 1_000],
])('rests %s', (_name, busy, due) => {
  const isDue = afterStep(busy);

  expect([isDue(due - 1), isDue(due + 1)]).toEqual([false, true]);
});

it('does not rest where nothing is done', () => {
  expect(afterStep(0)(0)).toBe(true);
});

it('begins at once', () => {
  expect(new SpareTime(() => ({ ran: 5, worked: 5 })).isDue()).toBe(true);
});

it('does not count how idle the process was before something began to wait', () => {
  let usage = { ran: 1_000, worked: 500 };
  const spare = new SpareTime(() => usage);
  spare.stepped(10);
  usage = { ran: 100_000, worked: 500 };

  spare.begins();
  usage = { ran: 100_250, worked: 750 };
  const soon = spare.isDue();
  usage = { ran: 101_001, worked: 1_501 };

  expect([soon, spare.isDue()]).toEqual([false, true]);
});
