/** Purges: what is gone is in no answer, and what is remembered of earlier positions holds without it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Predicate } from '../fhir/search/query.js';
import { type AccessFilter, permitting } from './access-filter.js';
import type { Backend, CommitResult, Position } from './backend.js';
import {
  allIds,
  commitOf,
  contractWorld,
  EVERYTHING,
  HandClock,
  idsOf,
  type MakeBackend,
  only,
  purge,
  put,
  referenceValue,
  remove,
  START,
  searchOf,
  token,
  tokenValue,
  UNRESTRICTED,
  write,
} from './contract-world.js';

const ABSENT = { kind: 'absent' };
const CODED = token('code', 'a');

function observation(id: string, patient: string, code = 'a') {
  return put('Observation', id, [
    referenceValue('@Patient', 'Patient', patient),
    referenceValue('subject', 'Patient', patient),
    tokenValue('code', code),
  ]);
}

function patient(id: string, name = id) {
  return put('Patient', id, [referenceValue('@Patient', 'Patient', id), tokenValue('name', name)]);
}

const ofPatient = (name: string): Predicate => ({
  op: 'chain',
  param: 'subject',
  targets: [{ type: 'Patient', where: token('name', name) }],
});

function outcomesOf(result: CommitResult) {
  if (result.kind !== 'committed') throw new Error(`not committed: ${result.kind}`);
  return result.outcomes;
}

export function purgeContract(makeBackend: MakeBackend): void {
  describe('a purge', () => {
    const clock = new HandClock();
    let backend: Backend;

    /** p with observations 1 and 2 of two versions each, and 3, which is deleted; q with observation 4. */
    beforeEach(async () => {
      clock.time = START;
      backend = await makeBackend(contractWorld(clock));
      await write(backend, patient('p'), patient('q'), observation('1', 'p'), observation('2', 'p'));
      await write(backend, observation('3', 'p'), observation('4', 'q'));
      await write(backend, observation('1', 'p'), observation('2', 'p'), remove('Observation', '3'));
    });
    afterEach(() => backend.close());

    const historyOf = async (scope: { type?: string; id?: string }) =>
      (await backend.history({ ...scope, access: UNRESTRICTED, count: 100 })).entries.map((entry) => {
        const { type, id, versionId } = entry.kind === 'deleted' ? entry.deleted : entry.resource;
        return `${type}/${id}/${versionId}`;
      });
    const scanned = async (asOf: Position) => {
      const found: string[] = [];
      const scan = backend.scan({
        type: 'Observation',
        from: 0,
        to: asOf,
        asOf,
        access: UNRESTRICTED,
        where: EVERYTHING,
        deletions: EVERYTHING,
      });
      for await (const { resources, deleted } of scan)
        found.push(...resources.map(({ id }) => id), ...deleted.map(({ id }) => `-${id}`));
      return found.sort();
    };

    test('leaves nothing to be read, of whatever version, nor to be found', async () => {
      const [outcome] = outcomesOf(await write(backend, purge('Observation', '1')));

      expect(outcome).toMatchObject({ type: 'Observation', id: '1', created: false, unchanged: false });
      const key = { type: 'Observation', id: '1' };
      expect(await backend.read(key, UNRESTRICTED)).toEqual(ABSENT);
      for (const version of ['1', '2', '3'])
        expect(await backend.vread(key, version, UNRESTRICTED)).toEqual(ABSENT);
      expect(await historyOf(key)).toEqual([]);
      expect(await historyOf({ type: 'Observation' })).not.toContainEqual(expect.stringMatching('/1/'));
      expect(await historyOf({})).toHaveLength(7);
      expect(idsOf(await backend.search(searchOf('Observation', CODED))).sort()).toEqual(['2', '4']);
      expect(idsOf(await backend.search(searchOf('Observation', ofPatient('p'))))).toEqual(['2']);
      expect(await backend.resolve('Observation', { op: 'id', ids: ['1'] }, UNRESTRICTED, 2)).toEqual([]);
      expect((await backend.counts()).get('Observation')).toBe(2);
      expect((await backend.changes(0, 100)).filter(({ id }) => id === '1')).toEqual([]);
      expect(await scanned(await backend.position())).toEqual(['-3', '2', '4']);
    });

    test('takes what was deleted, too', async () => {
      await write(backend, purge('Observation', '3'));

      expect(await backend.read({ type: 'Observation', id: '3' }, UNRESTRICTED)).toEqual(ABSENT);
      expect(await historyOf({ type: 'Observation', id: '3' })).toEqual([]);
      expect(await scanned(await backend.position())).toEqual(['1', '2', '4']);
    });

    test('of what never was changes nothing', async () => {
      const before = await backend.position();

      const [outcome] = outcomesOf(await write(backend, purge('Observation', 'never')));

      expect(outcome?.unchanged).toBe(true);
      expect(await backend.position()).toBe(before);
    });

    test('takes a position, so that positions and times go on rising though the last are gone', async () => {
      clock.time += 5_000;
      const [last] = outcomesOf(await write(backend, observation('5', 'p')));
      const before = await backend.position();
      await write(backend, purge('Observation', '5'));
      const after = await backend.position();
      clock.time -= 3_000;
      const [next] = outcomesOf(await write(backend, observation('6', 'p')));

      expect(after).toBeGreaterThan(before);
      expect(next?.position).toBeGreaterThan(after);
      expect(next?.lastUpdated).toBeGreaterThanOrEqual(last?.lastUpdated ?? 0);
      const changes = await backend.changes(before, 10);
      expect(changes.map(({ type, id }) => `${type}/${id}`)).toEqual(['Observation/6']);
    });

    test('frees the id: what is made under it begins at version 1', async () => {
      await write(backend, purge('Observation', '1'), purge('Observation', '3'));

      const [one] = outcomesOf(await write(backend, observation('1', 'q', 'b')));

      expect(one).toMatchObject({ versionId: '1', created: true });
      expect(await historyOf({ type: 'Observation', id: '1' })).toEqual(['Observation/1/1']);
      expect(idsOf(await backend.search(searchOf('Observation', ofPatient('q')))).sort()).toEqual(['1', '4']);
      expect(idsOf(await backend.search(searchOf('Observation', ofPatient('p'))))).toEqual(['2']);
    });

    test('and what is made anew are made in one commit, in order', async () => {
      const outcomes = outcomesOf(await write(backend, purge('Observation', '1'), observation('1', 'q')));

      expect(outcomes[1]).toMatchObject({ versionId: '1', created: true });
      expect((await backend.read({ type: 'Observation', id: '1' }, UNRESTRICTED)).kind).toBe('found');
    });

    test('is made of the version that is expected, or not at all', async () => {
      const attempt = (expected: Parameters<typeof purge>[2]) =>
        write(backend, purge('Observation', '1', expected));

      expect(await attempt({ kind: 'version', versionId: '1' })).toEqual({
        kind: 'version-conflict',
        write: 0,
        current: '2',
      });
      expect((await attempt({ kind: 'absent' })).kind).toBe('version-conflict');
      expect((await attempt({ kind: 'version', versionId: '2' })).kind).toBe('committed');
    });

    test('needs a delete that hides nothing of the type', async () => {
      const mine: AccessFilter = only({ Observation: { op: 'compartment', name: 'Patient', id: 'p' } });
      const all: AccessFilter = only({ Observation: EVERYTHING });
      const attempt = (filter: AccessFilter, read: AccessFilter) =>
        backend.commit(commitOf([purge('Observation', '1')], { access: { ...permitting(filter), read } }));

      expect(await attempt(mine, mine)).toEqual({ kind: 'refused', write: 0, side: 'before', known: true });
      expect(await attempt(only({}), only({}))).toMatchObject({ kind: 'refused', known: false });
      expect((await backend.read({ type: 'Observation', id: '1' }, UNRESTRICTED)).kind).toBe('found');
      expect((await attempt(all, only({}))).kind).toBe('committed');
    });

    test('is in no page, history or scan of before, which go on without it', async () => {
      const request = searchOf('Observation', CODED, { count: 1 });
      const first = await backend.search(request);
      const [shown = ''] = idsOf(first);
      const history = await backend.history({ access: UNRESTRICTED, count: 1 });
      const others = ['1', '2', '4'].filter((id) => id !== shown);
      const [gone = '', stays = ''] = others;

      await write(backend, observation(gone, 'q', 'b'));
      await write(backend, purge('Observation', gone), observation(stays, 'q', 'b'));

      const rest: string[] = [];
      let page = first;
      while (page.next !== undefined) {
        page = await backend.search({ ...request, after: page.next, asOf: first.asOf });
        rest.push(...idsOf(page));
      }
      expect(rest).toEqual([stays]);
      const older = await backend.history({
        access: UNRESTRICTED,
        count: 100,
        ...(history.next === undefined ? {} : { before: history.next }),
      });
      const ids = older.entries.map((entry) =>
        entry.kind === 'deleted' ? entry.deleted.id : entry.resource.id,
      );
      expect(ids).not.toContain(gone);
      expect(ids).toContain(stays);
      expect(await scanned(first.asOf)).toEqual(['-3', ...[shown, stays].sort()]);
    });

    test('takes along what was judged for a page sequence', async () => {
      const request = searchOf('Observation', ofPatient('p'), { count: 1 });
      const first = await backend.search(request);
      // The end of the chain has changed, so what it led to is judged as of then.
      await write(backend, patient('p', 'another'));
      const second = await backend.search({ ...request, after: first.next ?? [], asOf: first.asOf });
      expect(idsOf(second)).toHaveLength(1);

      await write(backend, purge('Patient', 'p'));

      const again = await backend.search({ ...request, after: first.next ?? [], asOf: first.asOf });
      expect(idsOf(again)).toEqual([]);
    });

    test('is heard of by whoever was let see something by what is gone', async () => {
      const ofP: AccessFilter = only({ Observation: ofPatient('p') });
      const read = async () => (await backend.read({ type: 'Observation', id: '2' }, ofP)).kind;
      expect([await read(), await read()]).toEqual(['found', 'found']);

      await write(backend, purge('Patient', 'p'));

      expect(await read()).toBe('absent');
      expect((await backend.read({ type: 'Observation', id: '2' }, UNRESTRICTED)).kind).toBe('found');
    });

    test('of many leaves all others as they were', async () => {
      const ids = Array.from({ length: 300 }, (_, at) => `m${at}`);
      await write(backend, ...ids.map((id) => observation(id, 'q', 'm')));
      const gone = ids.filter((_id, at) => at % 3 === 0);

      await write(backend, ...gone.map((id) => purge('Observation', id)));

      const left = await allIds(backend, searchOf('Observation', token('code', 'm'), { count: 50 }));
      expect(left.sort()).toEqual(ids.filter((_id, at) => at % 3 !== 0).sort());
      const changed = new Set((await backend.changes(0, 1_000)).map(({ id }) => id));
      expect(gone.filter((id) => changed.has(id))).toEqual([]);
    });
  });
}
