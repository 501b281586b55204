import { describe, expect, it } from 'vitest';
import { type Dated, LatestByCode } from './latest-by-code.js';

type Made = Dated<string> & { readonly codes: readonly string[] };

const made = (item: string, codes: readonly string[], date: number | undefined, lastUpdated = 0): Made => ({
  item,
  codes,
  date,
  lastUpdated,
});

const latest = (max: number, observations: readonly Made[]): readonly string[] => {
  const found = new LatestByCode<string>(max);
  for (const { codes, ...one } of observations) found.add(codes, one);
  return found.all();
};

/** All orders of a short list. */
const orders = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  list.length < 2
    ? [list]
    : list.flatMap((first, at) =>
        orders(list.filter((_, other) => other !== at)).map((rest) => [first, ...rest]),
      );

describe('the latest by code', () => {
  const chain = [
    made('a', ['a'], 5),
    made('b', ['b'], 4),
    made('c', ['c'], 3),
    made('ab', ['a', 'b'], 2),
    made('bc', ['b', 'c'], 1),
  ];

  it('are the same in whatever order observations come', () => {
    for (const order of orders(chain)) {
      expect(latest(1, order)).toEqual(['a']);
      expect(latest(3, order)).toEqual(['a', 'b', 'c']);
    }
  });

  it('keep those of the same time as the last', () => {
    const ties = [made('x', ['a'], 2), made('y', ['a'], 2, 1), made('z', ['a'], 1)];

    for (const order of orders(ties)) expect(latest(1, order)).toEqual(['y', 'x']);
  });

  it('count no two without a date as of the same time', () => {
    const undated = [
      made('x', ['a'], undefined, 1),
      made('y', ['a'], undefined, 2),
      made('z', ['a'], undefined),
    ];

    for (const order of orders(undated)) expect(latest(2, order)).toEqual(['y', 'x']);
  });

  it('hold no more than they answer', () => {
    const found = new LatestByCode<number>(2);
    for (let item = 0; item < 1000; item++) found.add([`${item % 3}`], { item, date: item, lastUpdated: 0 });

    expect(found.size).toBe(6);
    expect(found.all()).toEqual([999, 996, 998, 995, 997, 994]);
  });
});
