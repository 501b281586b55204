/** What every store of blobs promises: run against each implementation. */
import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Blobs } from './blobs.js';

const HOUR = 3_600_000;

export function blobsContract(make: () => Promise<Blobs>): void {
  let blobs: Blobs;

  beforeEach(async () => {
    blobs = await make();
  });

  const write = async (name: string, pieces: readonly Buffer[]) => {
    const writer = await blobs.create(name);
    for (const piece of pieces) await writer.write(piece);
    return writer.close();
  };
  const read = async (name: string, from: number, to: number): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for await (const piece of blobs.read(name, from, to)) pieces.push(piece);
    return Buffer.concat(pieces);
  };

  describe('a blob', () => {
    it.each([
      ['no bytes', []],
      ['a few', [3, 0, 5]],
      ['many small pieces', Array.from({ length: 3_000 }, () => 777)],
      ['large pieces', [1_048_576, 1, 1_048_575, 5_000_000, 12]],
    ])('of %s comes back whole and in ranges', async (_, sizes) => {
      const pieces = sizes.map((size) => randomBytes(size));
      const all = Buffer.concat(pieces);

      const facts = await write('jobs/a/1', pieces);

      expect(facts).toEqual({ size: all.length, sha256: createHash('sha256').update(all).digest('hex') });
      expect(await blobs.size('jobs/a/1')).toBe(all.length);
      expect((await read('jobs/a/1', 0, all.length)).equals(all)).toBe(true);
      const [from, to] = [Math.floor(all.length / 3), Math.ceil((2 * all.length) / 3)];
      expect((await read('jobs/a/1', from, to)).equals(all.subarray(from, to))).toBe(true);
    });

    it('keeps what it was given, though the buffer is used again', async () => {
      const piece = Buffer.from('first');
      const writer = await blobs.create('a');
      await writer.write(piece);
      piece.write('other');
      await writer.close();

      expect((await read('a', 0, 5)).toString()).toBe('first');
    });

    it('is absent until it is whole, and when it was given up', async () => {
      const writer = await blobs.create('jobs/a/1');
      await writer.write(Buffer.from('x'));
      expect(await blobs.size('jobs/a/1')).toBeUndefined();
      await writer.abort();

      expect(await blobs.size('jobs/a/1')).toBeUndefined();
      await expect(read('jobs/a/1', 0, 1)).rejects.toThrow();
    });

    it('is removed by its name, or with its folder', async () => {
      for (const name of ['jobs/a/1', 'jobs/a/2', 'jobs/b/1']) await write(name, [Buffer.from('x')]);
      await blobs.remove('jobs/a/1');
      await blobs.remove('jobs/a/1');
      expect(await blobs.size('jobs/a/1')).toBeUndefined();
      expect(await blobs.size('jobs/a/2')).toBe(1);
      await blobs.removeFolder('jobs/a');
      await blobs.removeFolder('jobs/a');

      expect(await blobs.size('jobs/a/2')).toBeUndefined();
      expect(await blobs.size('jobs/b/1')).toBe(1);
    });

    it('that nobody closed goes with a sweep, and nothing else does', async () => {
      await write('jobs/a/1', [Buffer.from('x')]);
      const dead = await blobs.create('jobs/a/2');
      await dead.write(randomBytes(6_000_000));
      const other = await blobs.create('drafts/1');
      await other.write(randomBytes(6_000_000));
      await blobs.sweep('jobs', Date.now() - HOUR);
      const alive = await blobs.create('jobs/a/3');
      await alive.write(randomBytes(6_000_000));
      await blobs.sweep('jobs', Date.now() - HOUR);
      await alive.close();
      await blobs.sweep('jobs', Date.now() + HOUR);
      await blobs.sweep('none', Date.now() + HOUR);

      await expect(dead.close()).rejects.toThrow();
      await dead.abort();
      await other.close();
      expect(await blobs.size('jobs/a/1')).toBe(1);
      expect(await blobs.size('jobs/a/2')).toBeUndefined();
      expect(await blobs.size('jobs/a/3')).toBe(6_000_000);
      expect(await blobs.size('drafts/1')).toBe(6_000_000);
    });

    it('that nobody closed goes with its folder', async () => {
      const dead = await blobs.create('jobs/a/2');
      await dead.write(randomBytes(6_000_000));
      await blobs.removeFolder('jobs/a');

      await expect(dead.close()).rejects.toThrow();
      await dead.abort();
      expect(await blobs.size('jobs/a/2')).toBeUndefined();
    });

    it.each(['../a', 'a/../../b', '/a', 'a//b', '', 'a/.b', 'a\0'])('is never called %j', async (name) => {
      await expect(blobs.create(name)).rejects.toThrow();
    });
  });
}
