/** Access filters: what they refuse leaves by no door. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Predicate } from '../fhir/search/query.js';
import { type AccessFilter, permitting } from './access-filter.js';
import type { Backend, Write } from './backend.js';
import {
  commitOf,
  contractWorld,
  EVERYTHING,
  idsOf,
  type MakeBackend,
  only,
  put,
  referenceValue,
  remove,
  searchOf,
  token,
  tokenValue,
  UNRESTRICTED,
  write,
} from './contract-world.js';

const MINE: Predicate = { op: 'compartment', name: 'Patient', id: 'mine' };
/** The compartment of one patient, and nothing else. */
const GRANT: AccessFilter = only({ Patient: MINE, Observation: MINE });
const ABSENT = { kind: 'absent' };

function observation(id: string, patient: string, code = 'a') {
  return put('Observation', id, [
    referenceValue('@Patient', 'Patient', patient),
    referenceValue('subject', 'Patient', patient),
    tokenValue('code', code),
  ]);
}

function patient(id: string, link?: string) {
  const links = link === undefined ? [] : [referenceValue('link', 'Patient', link)];
  return put('Patient', id, [
    referenceValue('@Patient', 'Patient', id),
    tokenValue('code', `is-${id}`),
    ...links,
  ]);
}

export function accessContract(makeBackend: MakeBackend): void {
  describe('the access filter', () => {
    let backend: Backend;

    beforeEach(async () => {
      backend = await makeBackend(contractWorld());
      await write(
        backend,
        patient('mine', 'theirs'),
        patient('theirs'),
        observation('m', 'mine'),
        observation('t', 'theirs'),
        put('Encounter', 'e'),
      );
    });
    afterEach(() => backend.close());

    test('hides from reads what it refuses, as if it had never been', async () => {
      expect((await backend.read({ type: 'Observation', id: 'm' }, GRANT)).kind).toBe('found');
      expect(await backend.read({ type: 'Observation', id: 't' }, GRANT)).toEqual(ABSENT);
      expect(await backend.read({ type: 'Encounter', id: 'e' }, GRANT)).toEqual(ABSENT);
      expect(await backend.vread({ type: 'Observation', id: 't' }, '1', GRANT)).toEqual(ABSENT);
    });

    test('is asked anew though another was just let in', async () => {
      expect((await backend.read({ type: 'Observation', id: 't' }, UNRESTRICTED)).kind).toBe('found');
      expect(await backend.read({ type: 'Observation', id: 't' }, GRANT)).toEqual(ABSENT);
    });

    test('is asked anew after every commit, though it let the same one be seen before', async () => {
      const ofNamed: AccessFilter = only({
        Observation: {
          op: 'chain',
          param: 'subject',
          targets: [{ type: 'Patient', where: token('code', 'is-mine') }],
        },
      });
      const read = async () => (await backend.read({ type: 'Observation', id: 'm' }, ofNamed)).kind;
      expect([await read(), await read()]).toEqual(['found', 'found']);
      await write(backend, put('Patient', 'mine', [tokenValue('code', 'is-another')]));
      expect(await read()).toBe('absent');
      await write(backend, patient('mine'));
      expect([await read(), await read()]).toEqual(['found', 'found']);
      await write(backend, observation('m', 'theirs'));
      expect(await read()).toBe('absent');
    });

    test('judges an old version by its own content', async () => {
      await write(backend, observation('m', 'theirs'));
      expect(await backend.read({ type: 'Observation', id: 'm' }, GRANT)).toEqual(ABSENT);
      expect((await backend.vread({ type: 'Observation', id: 'm' }, '1', GRANT)).kind).toBe('found');
      await write(backend, observation('t', 'mine'));
      expect((await backend.read({ type: 'Observation', id: 't' }, GRANT)).kind).toBe('found');
      expect(await backend.vread({ type: 'Observation', id: 't' }, '1', GRANT)).toEqual(ABSENT);
    });

    test('lets a deletion be seen by whoever could see the version before', async () => {
      await write(backend, remove('Observation', 'm'), remove('Observation', 't'));
      expect((await backend.read({ type: 'Observation', id: 'm' }, GRANT)).kind).toBe('deleted');
      expect(await backend.read({ type: 'Observation', id: 't' }, GRANT)).toEqual(ABSENT);
    });

    test('holds for history, pages included', async () => {
      await write(backend, remove('Observation', 't'), observation('m', 'mine', 'b'));
      for (const scope of [{}, { type: 'Observation' }, { type: 'Observation', id: 'm' }]) {
        const seen: string[] = [];
        let page = await backend.history({ ...scope, access: GRANT, count: 1 });
        for (;;) {
          seen.push(
            ...page.entries.map((entry) => (entry.kind === 'deleted' ? entry.deleted.id : entry.resource.id)),
          );
          if (page.next === undefined) break;
          page = await backend.history({ ...scope, access: GRANT, count: 1, before: page.next });
        }
        expect(seen).toEqual('type' in scope ? ['m', 'm'] : ['m', 'm', 'mine']);
      }
      expect(
        (await backend.history({ type: 'Observation', id: 't', access: GRANT, count: 9 })).entries,
      ).toEqual([]);
    });

    test('holds for matches, totals and resolving', async () => {
      const page = await backend.search(
        searchOf('Observation', token('code', 'a'), { access: GRANT, total: 'accurate' }),
      );
      expect(idsOf(page)).toEqual(['m']);
      expect(page.total).toBe(1);
      const count = await backend.search(searchOf('Observation', EVERYTHING, { access: GRANT, count: 0 }));
      expect(count.total).toBe(1);
      expect(idsOf(await backend.search(searchOf('Encounter', EVERYTHING, { access: GRANT })))).toEqual([]);
      expect(await backend.resolve('Observation', token('code', 'a'), GRANT, 5)).toEqual(['m']);
    });

    test('holds for what is denied: no `not` brings back what it hides', async () => {
      const where: Predicate = { op: 'not', of: token('code', 'zzz') };
      expect(idsOf(await backend.search(searchOf('Observation', where, { access: GRANT })))).toEqual(['m']);
    });

    test('holds along chains and for the sources of _has', async () => {
      const wide = only({ Observation: EVERYTHING, Patient: MINE });
      const chain: Predicate = {
        op: 'chain',
        param: 'subject',
        targets: [{ type: 'Patient', where: token('code', 'is-theirs') }],
      };
      expect(idsOf(await backend.search(searchOf('Observation', chain)))).toEqual(['t']);
      expect(idsOf(await backend.search(searchOf('Observation', chain, { access: wide })))).toEqual([]);
      const narrow = only({ Observation: MINE, Patient: EVERYTHING });
      const has: Predicate = {
        op: 'has',
        param: 'subject',
        source: { type: 'Observation', where: token('code', 'a') },
      };
      expect(idsOf(await backend.search(searchOf('Patient', has))).sort()).toEqual(['mine', 'theirs']);
      expect(idsOf(await backend.search(searchOf('Patient', has, { access: narrow })))).toEqual(['mine']);
    });

    test('holds for includes, both ways', async () => {
      const mine: Predicate = { op: 'id', ids: ['mine'] };
      const forward = { direction: 'forward', source: 'Patient', param: 'link', iterate: true } as const;
      expect(
        (await backend.search(searchOf('Patient', mine, { includes: [forward] }))).included,
      ).toHaveLength(1);
      expect(
        (await backend.search(searchOf('Patient', mine, { includes: [forward], access: GRANT }))).included,
      ).toEqual([]);
      const reverse = {
        direction: 'reverse',
        source: 'Observation',
        param: 'subject',
        iterate: false,
      } as const;
      const access = only({ Patient: EVERYTHING, Observation: MINE });
      const page = await backend.search(searchOf('Patient', EVERYTHING, { includes: [reverse], access }));
      expect(page.included.map(({ id }) => id)).toEqual(['m']);
    });

    test('refuses writes on what it hides, and of what it would hide', async () => {
      const attempt = (...writes: Parameters<typeof commitOf>[0]) =>
        backend.commit(commitOf(writes, { access: permitting(GRANT) }));
      expect(await attempt(observation('t', 'mine'))).toEqual({
        kind: 'refused',
        write: 0,
        side: 'before',
        known: false,
      });
      expect(await attempt(remove('Observation', 't'))).toEqual({
        kind: 'refused',
        write: 0,
        side: 'before',
        known: false,
      });
      expect(await attempt(observation('m', 'mine', 'b'), observation('n', 'theirs'))).toEqual({
        kind: 'refused',
        write: 1,
        side: 'after',
      });
      expect(await attempt(put('Encounter', 'new'))).toEqual({ kind: 'refused', write: 0, side: 'after' });
      expect(await backend.read({ type: 'Observation', id: 'n' }, UNRESTRICTED)).toEqual(ABSENT);
      expect((await attempt(observation('n', 'mine'))).kind).toBe('committed');
      expect((await attempt(remove('Observation', 'n'))).kind).toBe('committed');
    });

    test('asks of a write what it turns out to be: a create, an update, a delete', async () => {
      const only = (permission: 'create' | 'update' | 'delete') => ({
        ...permitting({ kind: 'restricted', byType: {} }),
        [permission]: GRANT,
      });
      const kindOf = async (permission: 'create' | 'update' | 'delete', one: Write) =>
        (await backend.commit(commitOf([one], { access: only(permission) }))).kind;
      expect(await kindOf('update', observation('n', 'mine'))).toBe('refused');
      expect(await kindOf('create', observation('n', 'mine'))).toBe('committed');
      expect(await kindOf('create', observation('n', 'mine', 'b'))).toBe('refused');
      expect(await kindOf('delete', observation('n', 'mine', 'b'))).toBe('refused');
      expect(await kindOf('update', observation('n', 'mine', 'b'))).toBe('committed');
      expect(await kindOf('update', observation('n', 'theirs'))).toBe('refused');
      expect(await kindOf('update', remove('Observation', 'n'))).toBe('refused');
      expect(await kindOf('delete', remove('Observation', 'n'))).toBe('committed');
    });

    test('tells of a refused write whether its asker may know what is there', async () => {
      const none: AccessFilter = { kind: 'restricted', byType: {} };
      const access = { ...permitting(none), read: GRANT };
      const refusal = async (one: Write) => backend.commit(commitOf([one], { access }));
      expect(await refusal(remove('Observation', 'm'))).toMatchObject({ side: 'before', known: true });
      expect(await refusal(remove('Observation', 't'))).toMatchObject({ side: 'before', known: false });
    });
  });
}
