/** Commits and point reads: versions, conflicts, conditions, atomicity. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backend, CommitResult, Condition, WriteOutcome } from './backend.js';
import {
  commitOf,
  contractWorld,
  EVERYTHING,
  HandClock,
  idsOf,
  type MakeBackend,
  prepared,
  put,
  remove,
  START,
  searchOf,
  token,
  tokenValue,
  UNRESTRICTED,
  write,
} from './contract-world.js';

function outcomesOf(result: CommitResult): readonly WriteOutcome[] {
  if (result.kind !== 'committed') throw new Error(`not committed: ${result.kind}`);
  return result.outcomes;
}

async function textOf(backend: Backend, type: string, id: string): Promise<string | undefined> {
  const result = await backend.read({ type, id }, UNRESTRICTED);
  return result.kind === 'found' ? result.resource.bytes.toString() : undefined;
}

export function commitContract(makeBackend: MakeBackend): void {
  describe('commit', () => {
    const clock = new HandClock();
    let backend: Backend;

    beforeEach(async () => {
      clock.time = START;
      backend = await makeBackend(contractWorld(clock));
    });
    afterEach(() => backend.close());

    test('what was created is read with its meta between the two pieces', async () => {
      const resource = { metaRest: ',"tag":[{"code":"t"}]', rest: ',"text":"é"}', values: [], indexedAt: 0 };
      const [outcome] = outcomesOf(await write(backend, put('Patient', '1', [], { resource })));
      const expected =
        '{"resourceType":"Patient","id":"1","meta":{"versionId":"1","lastUpdated":"2024-01-01T00:00:00.000Z","tag":[{"code":"t"}]},"text":"é"}';
      expect(await textOf(backend, 'Patient', '1')).toBe(expected);
      expect(outcome?.bytes?.toString()).toBe(expected);
      expect(outcome).toMatchObject({ created: true, unchanged: false, versionId: '1', lastUpdated: START });
    });

    test('what never existed is absent, whatever its type', async () => {
      expect(await backend.read({ type: 'Patient', id: 'x' }, UNRESTRICTED)).toEqual({ kind: 'absent' });
      expect(await backend.vread({ type: 'Never', id: 'x' }, '1', UNRESTRICTED)).toEqual({ kind: 'absent' });
    });

    test('an update makes the next version and keeps the one before', async () => {
      await write(backend, put('Patient', '1', [], { resource: prepared([], 'one') }));
      clock.time += 5;
      const [outcome] = outcomesOf(
        await write(backend, put('Patient', '1', [], { resource: prepared([], 'two') })),
      );
      expect(outcome).toMatchObject({ versionId: '2', created: false, lastUpdated: START + 5 });
      expect(await textOf(backend, 'Patient', '1')).toContain('two');
      const first = await backend.vread({ type: 'Patient', id: '1' }, '1', UNRESTRICTED);
      expect(first.kind === 'found' && first.resource.bytes.toString()).toContain('one');
      expect(await backend.vread({ type: 'Patient', id: '1' }, '3', UNRESTRICTED)).toEqual({
        kind: 'absent',
      });
    });

    test('a version id that was never given is absent', async () => {
      await write(backend, put('Patient', '1'));
      for (const versionId of ['0', '01', '1.0', 'x', '', '99999999999999999999']) {
        expect(await backend.vread({ type: 'Patient', id: '1' }, versionId, UNRESTRICTED)).toEqual({
          kind: 'absent',
        });
      }
    });

    test('a deletion is a version, and a later put brings the resource back', async () => {
      await write(backend, put('Patient', '1'));
      const [deleted] = outcomesOf(await write(backend, remove('Patient', '1')));
      expect(deleted).toMatchObject({ versionId: '2', unchanged: false });
      expect(deleted?.bytes).toBeUndefined();
      expect((await backend.read({ type: 'Patient', id: '1' }, UNRESTRICTED)).kind).toBe('deleted');
      expect((await backend.vread({ type: 'Patient', id: '1' }, '2', UNRESTRICTED)).kind).toBe('deleted');
      const [again] = outcomesOf(await write(backend, put('Patient', '1')));
      expect(again).toMatchObject({ versionId: '3', created: true });
    });

    test('deleting what is not there makes no version', async () => {
      const before = await backend.position();
      const [never] = outcomesOf(await write(backend, remove('Patient', '1')));
      expect(never).toMatchObject({ unchanged: true });
      expect(await backend.position()).toBe(before);
    });

    test('a put that expects another version is a conflict that names the current one', async () => {
      await write(backend, put('Patient', '1'));
      const expected = { kind: 'version', versionId: '7' } as const;
      expect(await write(backend, put('Patient', '1', [], { expected }))).toEqual({
        kind: 'version-conflict',
        write: 0,
        current: '1',
      });
      expect(await write(backend, remove('Patient', '1', expected))).toEqual({
        kind: 'version-conflict',
        write: 0,
        current: '1',
      });
      expect(await write(backend, put('Patient', '2', [], { expected }))).toEqual({
        kind: 'version-conflict',
        write: 0,
      });
    });

    test('a put that expects absence is a conflict on what is there, and passes on what was deleted', async () => {
      const expected = { kind: 'absent' } as const;
      await write(backend, put('Patient', '1'));
      expect((await write(backend, put('Patient', '1', [], { expected }))).kind).toBe('version-conflict');
      await write(backend, remove('Patient', '1'));
      expect((await write(backend, put('Patient', '1', [], { expected }))).kind).toBe('committed');
    });

    test('a commit with one conflict writes nothing', async () => {
      const position = await backend.position();
      const result = await write(
        backend,
        put('Patient', '1', [tokenValue('code', 'a')]),
        put('Patient', '2', [], { expected: { kind: 'version', versionId: '1' } }),
      );
      expect(result).toEqual({ kind: 'version-conflict', write: 1 });
      expect(await backend.read({ type: 'Patient', id: '1' }, UNRESTRICTED)).toEqual({ kind: 'absent' });
      expect(await backend.position()).toBe(position);
      expect(idsOf(await backend.search(searchOf('Patient', token('code', 'a'))))).toEqual([]);
    });

    test('a refused commit among others undoes itself alone', async () => {
      const conflict = put('Patient', 'bad', [], { expected: { kind: 'version', versionId: '1' } });
      const results = await Promise.all(
        Array.from({ length: 30 }, (_, at) =>
          write(
            backend,
            ...(at % 3 === 1 ? [put('Patient', `x${at}`), conflict] : [put('Patient', `p${at}`)]),
          ),
        ),
      );
      expect(results.filter(({ kind }) => kind === 'committed')).toHaveLength(20);
      const ids = idsOf(await backend.search(searchOf('Patient')));
      expect(ids.sort()).toEqual(
        Array.from({ length: 30 }, (_, at) => `p${at}`)
          .filter((_, at) => at % 3 !== 1)
          .sort(),
      );
    });

    test('times never fall with positions, even when the clock does', async () => {
      await write(backend, put('Patient', '1'));
      clock.time -= 60_000;
      const [outcome] = outcomesOf(await write(backend, put('Patient', '2')));
      expect(outcome?.lastUpdated).toBe(START);
    });

    test('a changed answer to a condition refuses the commit', async () => {
      const condition: Condition = { type: 'Patient', where: token('code', 'a'), by: 'search', ids: [] };
      const resolvedAt = await backend.position();
      await write(backend, put('Patient', '1', [tokenValue('code', 'a')]));
      const result = await backend.commit(
        commitOf([put('Patient', '2')], { conditions: [condition], resolvedAt }),
      );
      expect(result).toEqual({ kind: 'condition-changed', condition: 0 });
      const now = commitOf([put('Patient', '2')], { conditions: [{ ...condition, ids: ['1'] }], resolvedAt });
      expect((await backend.commit(now)).kind).toBe('committed');
    });

    test('of identical conditional creates at once, one is committed', async () => {
      const resolvedAt = await backend.position();
      const condition: Condition = { type: 'Patient', where: token('code', 'a'), by: 'search', ids: [] };
      const create = (at: number) =>
        backend.commit(
          commitOf([put('Patient', `p${at}`, [tokenValue('code', 'a')])], {
            conditions: [condition],
            resolvedAt,
          }),
        );
      const results = await Promise.all(Array.from({ length: 16 }, (_, at) => create(at)));
      expect(results.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
      expect(idsOf(await backend.search(searchOf('Patient', token('code', 'a'))))).toHaveLength(1);
    });

    test('resolving answers the ids of matches, at most as many as asked for', async () => {
      await write(backend, ...['1', '2', '3'].map((id) => put('Patient', id, [tokenValue('code', 'a')])));
      expect([...(await backend.resolve('Patient', token('code', 'a'), UNRESTRICTED, 9))].sort()).toEqual([
        '1',
        '2',
        '3',
      ]);
      expect(await backend.resolve('Patient', token('code', 'a'), UNRESTRICTED, 2)).toHaveLength(2);
      expect(await backend.resolve('Patient', token('code', 'b'), UNRESTRICTED, 2)).toEqual([]);
    });

    test('the change feed has every version once, in order of position', async () => {
      await write(backend, put('Patient', '1'), put('Patient', '2', [], { method: 'POST' }));
      await write(backend, remove('Patient', '1'));
      const all = await backend.changes(0, 10);
      expect(all.map(({ id, versionId, method }) => [id, versionId, method])).toEqual([
        ['1', '1', 'PUT'],
        ['2', '1', 'POST'],
        ['1', '2', 'DELETE'],
      ]);
      const [first] = await backend.changes(0, 1);
      const rest = await backend.changes(first?.position ?? 0, 10);
      expect(rest).toEqual(all.slice(1));
      expect(rest.at(-1)?.position).toBe(await backend.position());
    });

    test('counts are of current resources', async () => {
      await write(backend, put('Patient', '1'), put('Patient', '2'), put('Observation', '1'));
      await write(backend, remove('Patient', '1'));
      expect(Object.fromEntries(await backend.counts())).toEqual({ Patient: 1, Observation: 1 });
    });

    test('an update takes away the values that it no longer has', async () => {
      await write(backend, put('Patient', '1', [tokenValue('code', 'a'), tokenValue('code', 'b')]));
      await write(backend, put('Patient', '1', [tokenValue('code', 'b'), tokenValue('other', 'a')]));
      expect(idsOf(await backend.search(searchOf('Patient', token('code', 'a'))))).toEqual([]);
      expect(idsOf(await backend.search(searchOf('Patient', token('code', 'b'))))).toEqual(['1']);
      expect(
        idsOf(
          await backend.search(searchOf('Patient', { op: 'and', of: [EVERYTHING, token('other', 'a')] })),
        ),
      ).toEqual(['1']);
    });
  });
}
