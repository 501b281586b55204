/** What every store of records promises: run against each implementation. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Records } from './records.js';

export interface RecordsWorld {
  readonly records: Records;
  /** The same store as another process has it open. */
  readonly elsewhere: Records;
  /** Lets so many milliseconds pass. */
  pass(milliseconds: number): void;
  now(): number;
}

export function recordsContract(make: () => Promise<RecordsWorld>): void {
  let world: RecordsWorld;
  let records: Records;
  let elsewhere: Records;

  beforeEach(async () => {
    world = await make();
    ({ records, elsewhere } = world);
  });

  describe('a record', () => {
    it('is found under its kind and name, here and elsewhere', async () => {
      await records.put('client', 'a', '{"name":"Ä"}');

      expect(await records.get('client', 'a')).toBe('{"name":"Ä"}');
      expect(await elsewhere.get('client', 'a')).toBe('{"name":"Ä"}');
      expect(await records.get('user', 'a')).toBeUndefined();
      expect(await records.get('client', 'b')).toBeUndefined();
    });

    it('is replaced by a later put, with its time and its group', async () => {
      await records.put('client', 'a', 'old', { expires: world.now() + 10, group: 'g' });
      await records.put('client', 'a', 'new');
      await records.removeGroup('g');
      world.pass(20);

      expect(await records.get('client', 'a')).toBe('new');
    });

    it('is gone when it was removed', async () => {
      await records.put('client', 'a', 'x');

      expect(await elsewhere.remove('client', 'a')).toBe(true);
      expect(await records.get('client', 'a')).toBeUndefined();
      expect(await records.remove('client', 'a')).toBe(false);
    });

    it('is not there once its time has passed', async () => {
      await records.put('token', 'a', 'x', { expires: world.now() + 1000 });

      world.pass(999);
      expect(await records.get('token', 'a')).toBe('x');
      world.pass(1);
      expect(await records.get('token', 'a')).toBeUndefined();
      expect(await records.list('token', '', 10)).toEqual([]);
      expect(await records.take('token', 'a')).toBeUndefined();
      expect(await records.remove('token', 'a')).toBe(false);
    });
  });

  describe('insert', () => {
    it('succeeds once', async () => {
      expect(await records.insert('jti', 'a', '1')).toBe(true);
      expect(await elsewhere.insert('jti', 'a', '2')).toBe(false);
      expect(await records.get('jti', 'a')).toBe('1');
    });

    it('succeeds for one of many at once', async () => {
      const tries = Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? records : elsewhere).insert('jti', 'a', String(index)),
      );

      expect((await Promise.all(tries)).filter((succeeded) => succeeded)).toHaveLength(1);
    });

    it('succeeds again when the time of the first has passed', async () => {
      await records.insert('jti', 'a', '1', { expires: world.now() + 10, group: 'g' });
      world.pass(10);

      expect(await records.insert('jti', 'a', '2')).toBe(true);
      await records.removeGroup('g');
      expect(await records.get('jti', 'a')).toBe('2');
    });
  });

  describe('take', () => {
    it('gives the value once', async () => {
      await records.put('code', 'a', 'x');

      expect(await elsewhere.take('code', 'a')).toBe('x');
      expect(await records.take('code', 'a')).toBeUndefined();
      expect(await records.get('code', 'a')).toBeUndefined();
    });

    it('gives it to one of many at once', async () => {
      await records.put('code', 'a', 'x');

      const takes = Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? records : elsewhere).take('code', 'a'),
      );

      expect((await Promise.all(takes)).filter((value) => value !== undefined)).toEqual(['x']);
    });
  });

  describe('a group', () => {
    it('goes together, whatever the kinds', async () => {
      await records.put('token', 'a', 'x', { group: 'g' });
      await records.put('code', 'b', 'x', { group: 'g' });
      await records.put('code', 'c', 'x', { group: 'h' });
      await records.put('code', 'd', 'x');

      await elsewhere.removeGroup('g');

      expect(await records.get('token', 'a')).toBeUndefined();
      expect((await records.list('code', '', 10)).map(({ name }) => name)).toEqual(['c', 'd']);
    });
  });

  describe('a list', () => {
    it('goes through the names of a kind in order, page by page', async () => {
      for (const name of ['b', 'a', 'ä', 'B', 'c']) await records.put('client', name, `of ${name}`);
      await records.put('key', 'aa', 'x');

      const first = await records.list('client', '', 3);
      const second = await records.list('client', first.at(-1)?.name ?? '', 3);

      expect(first).toEqual([
        { name: 'B', value: 'of B' },
        { name: 'a', value: 'of a' },
        { name: 'b', value: 'of b' },
      ]);
      expect(second.map(({ name }) => name)).toEqual(['c', 'ä']);
    });
  });

  describe('the generation', () => {
    it.each<[string, (store: Records) => Promise<unknown>]>([
      ['put', (store) => store.put('token', 'a', 'y')],
      ['insert', (store) => store.insert('token', 'b', 'y')],
      ['take', (store) => store.take('token', 'a')],
      ['remove', (store) => store.remove('token', 'a')],
      ['removeGroup', (store) => store.removeGroup('g')],
    ])('changes with %s, here and elsewhere', async (_name, change) => {
      await records.put('token', 'a', 'x', { group: 'g' });
      const before = [await records.generation(), await elsewhere.generation()];

      await change(records);
      // Another process may hold what it saw to the end of its turn.
      await new Promise((resolve) => setImmediate(resolve));

      expect(await records.generation()).not.toBe(before[0]);
      expect(await elsewhere.generation()).not.toBe(before[1]);
    });

    it('stays while nothing changes', async () => {
      await records.put('token', 'a', 'x');
      const before = await records.generation();

      await records.get('token', 'a');

      expect(await records.generation()).toBe(before);
    });
  });
}
