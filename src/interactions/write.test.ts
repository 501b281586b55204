import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Refusal } from '../fhir/outcome.js';
import { permitting } from '../ports/access-filter.js';
import { UNCONDITIONAL } from './resolution.js';
import { openWorld, type World } from './testing.js';
import { checkId, commitPlanned, prepare } from './write.js';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe('prepare', () => {
  it('leaves out what the server gives and keeps the rest of meta and of the resource', () => {
    const meta = { versionId: '9', lastUpdated: '2000-01-01T00:00:00Z', profile: ['http://example.org/p'] };
    const resource = { resourceType: 'Patient', id: 'x', meta, active: true };
    const { metaRest, rest } = prepare(resource, 'y', world.context);
    expect(metaRest).toBe(',"profile":["http://example.org/p"]');
    expect(rest).toBe(',"active":true}');
  });

  it('of a resource that says nothing is empty', () => {
    const { metaRest, rest } = prepare({ resourceType: 'Patient' }, 'y', world.context);
    expect([metaRest, rest]).toEqual(['', '}']);
  });

  it('finds index values under the id that the resource will have', () => {
    const { values } = prepare({ resourceType: 'Patient', id: 'x' }, 'y', world.context);
    expect(values).toContainEqual({
      kind: 'reference',
      param: '@Patient',
      target: { kind: 'local', type: 'Patient', id: 'y' },
    });
  });
});

describe('commitPlanned', () => {
  const put = (id: string, expected: { kind: 'absent' } | { kind: 'any' }) => ({
    kind: 'put' as const,
    type: 'Patient',
    id,
    resource: prepare({ resourceType: 'Patient' }, id, world.context),
    expected,
    method: 'PUT' as const,
  });

  it('plans anew when a condition changed between plan and commit', async () => {
    const where = { op: 'id', ids: ['c'] } as const;
    let plans = 0;
    const { planned } = await commitPlanned(world.context, async () => {
      plans += 1;
      const resolvedAt = await world.context.backend.position();
      const ids = await world.context.backend.resolve('Patient', where, world.context.access.search, 2);
      if (plans === 1) await world.ask('PUT Patient/c', { body: { resourceType: 'Patient', id: 'c' } });
      return {
        writes: [put('d', { kind: 'any' })],
        conditions: [{ type: 'Patient', where, by: 'search' as const, ids }],
        resolvedAt,
      };
    });
    expect([plans, planned.conditions[0]?.ids]).toEqual([2, ['c']]);
  });

  it('asks the plan what a version conflict means', async () => {
    await world.ask('PUT Patient/e', { body: { resourceType: 'Patient', id: 'e' } });
    const seen: unknown[] = [];
    const plan = () => ({
      ...UNCONDITIONAL,
      writes: [put('e', { kind: 'absent' })],
      conflict: (write: number, current: string | undefined) => {
        seen.push(write, current);
        return new Refusal('precondition-failed', 'It is there.');
      },
    });
    await expect(commitPlanned(world.context, plan)).rejects.toMatchObject({ kind: 'precondition-failed' });
    expect(seen).toEqual([0, '1']);
  });

  it('ends in a version conflict when planning anew does not help', async () => {
    const plan = () => ({ ...UNCONDITIONAL, writes: [put('e', { kind: 'absent' })] });
    await expect(commitPlanned(world.context, plan)).rejects.toMatchObject({
      kind: 'version-conflict',
      status: 409,
    });
  });

  it('refuses what the access filter does not cover, and stores nothing', async () => {
    const filter = { kind: 'restricted', byType: {} } as const;
    const narrow = world.as({ principal: 'narrow', ...permitting(filter) });
    const body = { resourceType: 'Patient', id: 'f' };
    expect((await narrow.ask('PUT Patient/f', { body })).status).toBe(403);
    expect((await narrow.ask('DELETE Patient/e')).status).toBe(403);
    expect((await world.ask('GET Patient/f')).status).toBe(404);
    expect((await world.ask('GET Patient/e')).status).toBe(200);
  });
});

describe('checkId', () => {
  it.each(['a', 'A-1.b', 'x'.repeat(64)])('takes %s', (id) => expect(checkId(id)).toBe(id));
  it.each(['', 'a b', 'x'.repeat(65), 'ä', 'a/b', 'a\n', '_x'])('refuses %j', (id) => {
    expect(() => checkId(id)).toThrow(Refusal);
  });
});
