/** What every store of jobs promises: run against each implementation. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Backend, CommitResult } from './backend.js';
import { CLAIMS, type Claim, FAILURES, type JobStep, type JobStore } from './jobs.js';

export interface JobsWorld {
  readonly jobs: JobStore;
  /** The same store as another process has it open. */
  readonly elsewhere: JobStore;
  readonly backend: Backend;
  /** Lets so many milliseconds pass. */
  pass(milliseconds: number): void;
  now(): number;
  /** Commits something; its position and time. */
  write(): Promise<{ readonly position: number; readonly lastUpdated: number }>;
  /** Commits something as a step of a part. */
  step(step: JobStep): Promise<CommitResult>;
}

const LEASE = 1_000;
const KEPT = 10_000;

export function jobsContract(make: () => Promise<JobsWorld>): void {
  let world: JobsWorld;
  let jobs: JobStore;
  let leases = 0;

  beforeEach(async () => {
    world = await make();
    ({ jobs } = world);
  });

  const add = (id: string, principal = 'p', limit = 10) =>
    jobs.add({ id, kind: 'k', principal, spec: `spec ${id}`, first: { spec: 'first', total: 1 }, limit });
  const claim = (from = jobs): Promise<Claim | undefined> => {
    leases += 1;
    return from.claim(`lease-${leases}`, world.now() + LEASE);
  };
  const claimed = async (from = jobs): Promise<Claim> => {
    const found = await claim(from);
    if (found === undefined) throw new Error('there is a part');
    return found;
  };
  const next = (...specs: readonly string[]) => specs.map((spec) => ({ spec, total: 10 }));
  const finish = (part: Claim, result: string, parts = next()) =>
    jobs.finish(part, { result, next: parts }, world.now() + KEPT);

  describe('a job', () => {
    it('is found here and elsewhere, as it was added', async () => {
      await add('a');

      expect(await world.elsewhere.job('a')).toMatchObject({
        id: 'a',
        kind: 'k',
        principal: 'p',
        state: 'running',
        spec: 'spec a',
        looked: false,
      });
      expect(await jobs.job('b')).toBeUndefined();
    });

    it('divides all commits by its position and its time', async () => {
      const before = await world.write();
      const added = await add('a');
      const after = await world.write();

      expect(added?.position).toBe(before.position);
      expect(added?.time).toBeGreaterThanOrEqual(before.lastUpdated);
      expect(after.lastUpdated).toBeGreaterThan(added?.time ?? Number.POSITIVE_INFINITY);
      expect(await jobs.job('a')).toMatchObject({ ...added });
    });

    it('is not added where its principal has too many of its kind running', async () => {
      expect(await add('a', 'p', 1)).toBeDefined();
      expect(await add('b', 'p', 1)).toBeUndefined();
      expect(await jobs.job('b')).toBeUndefined();
      expect(await add('c', 'q', 1)).toBeDefined();
      await finish(await claimed(), 'x');

      expect(await add('d', 'p', 1)).toBeDefined();
    });

    it('is complete with its last part, and then kept for a while', async () => {
      await add('a');
      await finish(await claimed(), 'r1', next('x', 'y'));
      await finish(await claimed(), 'r2');
      expect(await jobs.job('a')).toMatchObject({ state: 'running' });
      await finish(await claimed(), 'r3');

      expect(await jobs.job('a')).toMatchObject({ state: 'complete', expires: world.now() + KEPT });
      expect(await jobs.results('a')).toEqual(['r1', 'r2', 'r3']);
      world.pass(KEPT);
      expect(await jobs.job('a')).toBeUndefined();
      expect(await jobs.ended()).toEqual(['a']);
      expect(await jobs.hasWork()).toBe(true);
      await jobs.remove('a');
      expect(await jobs.hasWork()).toBe(false);
      expect(await jobs.results('a')).toEqual([]);
    });

    it('remembers that its principal looked', async () => {
      await add('a');
      await jobs.look('a');

      expect(await world.elsewhere.job('a')).toMatchObject({ looked: true });
    });

    it('is gone when it is cancelled, for whoever works on it too', async () => {
      await add('a');
      const part = await claimed();

      expect(await world.elsewhere.cancel('a')).toBe(true);
      expect(await jobs.cancel('a')).toBe(false);
      expect(await jobs.job('a')).toBeUndefined();
      expect(await jobs.beat(part, 1, world.now() + LEASE)).toBe(false);
      expect(await finish(part, 'x')).toBe(false);
      expect(await claim()).toBeUndefined();
      expect(await jobs.ended()).toEqual(['a']);
    });
  });

  describe('a step of a part', () => {
    it('is committed with how far the part has come, which is told to whoever takes over', async () => {
      await add('a');
      const first = await claimed();
      expect(first.progress).toBeUndefined();
      await world.step({ claim: first, progress: 'one' });
      await world.step({ claim: first, progress: 'two' });
      world.pass(LEASE);

      expect(await claimed(world.elsewhere)).toMatchObject({ part: 1, progress: 'two' });
    });

    it('is not committed once somebody else has the part, or its job has ended', async () => {
      await add('a');
      const first = await claimed();
      world.pass(LEASE);
      const second = await claimed(world.elsewhere);
      const position = await world.backend.position();

      expect(await world.step({ claim: first, progress: 'late' })).toEqual({ kind: 'lease-lost' });
      expect(await world.backend.position()).toBe(position);
      expect(await world.step({ claim: second, progress: 'on' })).toMatchObject({ kind: 'committed' });
      await jobs.cancel('a');
      expect(await world.step({ claim: second, progress: 'late' })).toEqual({ kind: 'lease-lost' });
    });

    it('stays where the part is given back, or fails and is done again', async () => {
      await add('a');
      const first = await claimed();
      await world.step({ claim: first, progress: 'one' });
      await jobs.giveBack(first);
      const second = await claimed();
      await jobs.fail(second, 'a disk was full', false, world.now() + KEPT);

      expect(await claimed()).toMatchObject({ progress: 'one' });
    });
  });

  describe('a part', () => {
    it('is claimed by one', async () => {
      await add('a');
      const claims = await Promise.all([claim(), claim(world.elsewhere), claim(), claim(world.elsewhere)]);

      expect(claims.filter((one) => one !== undefined)).toHaveLength(1);
      expect(claims.find((one) => one !== undefined)).toMatchObject({
        part: 1,
        spec: 'first',
        job: { id: 'a' },
      });
    });

    it('is taken over when its lease has ended, and finished once', async () => {
      await add('a');
      const slow = await claimed();
      world.pass(LEASE - 1);
      expect(await claim(world.elsewhere)).toBeUndefined();
      world.pass(1);
      const other = await claimed(world.elsewhere);

      expect(other).toMatchObject({ part: slow.part, spec: slow.spec });
      expect(await jobs.beat(slow, 1, world.now() + LEASE)).toBe(false);
      expect(await finish(slow, 'slow', next('never'))).toBe(false);
      expect(await finish(other, 'other')).toBe(true);
      expect(await finish(other, 'again')).toBe(false);
      expect(await jobs.results('a')).toEqual(['other']);
      expect(await jobs.progress('a')).toEqual({ parts: 1, finishedParts: 1, done: 1, total: 1 });
    });

    it('is kept by who renews its lease', async () => {
      await add('a');
      const part = await claimed();
      world.pass(LEASE - 1);
      expect(await jobs.beat(part, 0, world.now() + LEASE)).toBe(true);
      world.pass(LEASE - 1);

      expect(await claim(world.elsewhere)).toBeUndefined();
    });

    it('counts towards the progress, exactly', async () => {
      await add('a');
      await finish(await claimed(), 'plan', next('x', 'y'));
      const x = await claimed();
      await jobs.beat(x, 4, world.now() + LEASE);
      expect(await world.elsewhere.progress('a')).toEqual({ parts: 3, finishedParts: 1, done: 5, total: 21 });
      await jobs.beat(x, 400, world.now() + LEASE);
      expect(await jobs.progress('a')).toMatchObject({ done: 11 });
      world.pass(LEASE);
      await claimed(); // whoever takes it over begins anew

      expect(await jobs.progress('a')).toMatchObject({ done: 1 });
    });

    it('is given back without having failed', async () => {
      await add('a');
      for (let turn = 0; turn <= CLAIMS; turn++) await jobs.giveBack(await claimed());

      expect(await jobs.job('a')).toMatchObject({ state: 'running' });
    });

    it(`fails its job when it has failed ${FAILURES} times, or for good`, async () => {
      await add('a');
      for (let turn = 1; turn < FAILURES; turn++) {
        await jobs.fail(await claimed(), 'no', false, world.now() + KEPT);
        expect(await jobs.job('a')).toMatchObject({ state: 'running' });
      }
      await jobs.fail(await claimed(), 'no', false, world.now() + KEPT);
      expect(await jobs.job('a')).toMatchObject({ state: 'failed', problem: 'no' });
      expect(await claim()).toBeUndefined();

      await add('b');
      await jobs.fail(await claimed(), 'never', true, world.now() + KEPT);
      expect(await jobs.job('b')).toMatchObject({ state: 'failed', problem: 'never' });
    });

    it('fails its job when processes die under it again and again', async () => {
      await add('a');
      for (let turn = 0; turn < CLAIMS; turn++) {
        await claimed();
        world.pass(LEASE);
      }

      expect(await claim()).toBeUndefined();
      expect(await jobs.job('a')).toMatchObject({ state: 'failed' });
    });
  });

  it('jobs take turns', async () => {
    await add('a');
    await add('b');
    for (const plan of [await claimed(), await claimed()]) await finish(plan, 'plan', next('x', 'y'));
    const order = [await claimed(), await claimed(), await claimed(), await claimed()];

    expect(order.map(({ job }) => job.id)).toEqual(['a', 'b', 'a', 'b']);
  });
}
