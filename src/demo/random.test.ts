/** The generator of random numbers: repeatable, independent by stream, fair. */
import { describe, expect, it } from 'vitest';
import { Random } from './random.js';

describe('Random', () => {
  it('gives the same sequence for the same seed, index and stream', () => {
    const one = new Random(7, 3, 1);
    const other = new Random(7, 3, 1);

    const pairs = Array.from({ length: 50 }, () => [one.next(), other.next()]);

    expect(pairs.every(([left, right]) => left === right)).toBe(true);
  });

  it.each([
    ['seed', new Random(8, 3, 1)],
    ['high part of the seed', new Random(7 + 2 ** 40, 3, 1)],
    ['index', new Random(7, 4, 1)],
    ['stream', new Random(7, 3, 2)],
  ])('gives another sequence for another %s', (_, other) => {
    const one = new Random(7, 3, 1);

    const equal = Array.from({ length: 20 }, () => one.next() === other.next()).filter(Boolean);

    expect(equal).toEqual([]);
  });

  it('is a fixed sequence, on every machine', () => {
    const random = new Random(1, 0, 0);

    const drawn = [random.next(), random.next(), random.uuid(), random.bell().toFixed(6)];

    expect(drawn).toEqual([1642937710, 3868337199, '18eb8d3b-5d2f-85da-9236-a510345efea0', '0.912825']);
  });

  it('draws whole numbers of a range evenly, both ends included', () => {
    const random = new Random(1, 1, 1);
    const counts = new Map<number, number>();

    for (let left = 60_000; left > 0; left--) {
      const drawn = random.integer(1, 6);
      counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
    }

    expect([...counts.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6]);
    for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  it('draws items by their weight', () => {
    const random = new Random(1, 2, 1);
    const items = [
      { name: 'rare', weight: 1 },
      { name: 'common', weight: 9 },
    ];

    const drawn = Array.from({ length: 20_000 }, () => random.weighted(items).name);

    const rare = drawn.filter((name) => name === 'rare').length;
    expect(Math.abs(rare - 2_000)).toBeLessThan(200);
  });

  it('draws a bell with mean 0 and deviation 1', () => {
    const random = new Random(1, 3, 1);
    const values = Array.from({ length: 40_000 }, () => random.bell());

    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;

    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
  });

  it('makes UUIDs of version 8', () => {
    const random = new Random(1, 4, 1);

    for (let left = 200; left > 0; left--) {
      expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });
});
