/** Scans: what was there at a position, by ranges; and pages as of a position that was known before the first one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Predicate } from '../fhir/search/query.js';
import type { AccessFilter } from './access-filter.js';
import type { Backend, Position, ScanRequest } from './backend.js';
import {
  allIds,
  contractWorld,
  EVERYTHING,
  HandClock,
  type MakeBackend,
  only,
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

interface Scanned {
  /** `1/2` is version 2 of resource 1. */
  readonly versions: readonly string[];
  readonly deleted: readonly string[];
}

export function scanContract(makeBackend: MakeBackend): void {
  describe('a scan', () => {
    const clock = new HandClock();
    let backend: Backend;

    beforeEach(async () => {
      clock.time = START;
      backend = await makeBackend(contractWorld(clock));
    });
    afterEach(() => backend.close());

    const scan = async (more: Partial<ScanRequest> = {}): Promise<Scanned> => {
      const asOf = more.asOf ?? (await backend.position());
      const versions: string[] = [];
      const deleted: string[] = [];
      const request: ScanRequest = {
        type: 'Observation',
        from: 0,
        to: asOf,
        asOf,
        access: UNRESTRICTED,
        where: EVERYTHING,
        ...more,
      };
      for await (const step of backend.scan(request)) {
        versions.push(...step.resources.map(({ id, versionId }) => `${id}/${versionId}`));
        deleted.push(...step.deleted.map(({ id }) => id));
      }
      return { versions, deleted };
    };
    const observation = (id: string, code: string, patient = 'p') =>
      put('Observation', id, [tokenValue('code', code), referenceValue('subject', 'Patient', patient)]);

    test('goes through the latest versions, in the order in which they were stored', async () => {
      await write(backend, observation('1', 'a'), observation('2', 'a'), put('Patient', 'p'));
      await write(backend, observation('1', 'b'));
      await write(backend, observation('3', 'a'), remove('Observation', '2'));

      expect(await scan()).toEqual({ versions: ['1/2', '3/1'], deleted: [] });
      expect(await scan({ type: 'Encounter' })).toEqual({ versions: [], deleted: [] });
    });

    test('is as of its position, whatever came later', async () => {
      await write(backend, observation('1', 'a'), observation('2', 'a'));
      await write(backend, remove('Observation', '2'));
      const asOf = await backend.position();
      await write(backend, observation('1', 'b'), observation('2', 'b'), observation('3', 'b'));
      await write(backend, remove('Observation', '1'));

      expect(await scan({ asOf })).toEqual({ versions: ['1/1'], deleted: [] });
      expect(await scan({ asOf, deletions: EVERYTHING })).toEqual({ versions: ['1/1'], deleted: ['2'] });
    });

    test('finds bytes as they are stored', async () => {
      await write(backend, observation('1', 'a'));
      const asOf = await backend.position();
      const read = await backend.read({ type: 'Observation', id: '1' }, UNRESTRICTED);

      const request = { type: 'Observation', from: 0, to: asOf, asOf, access: UNRESTRICTED };
      for await (const { resources } of backend.scan({ ...request, where: EVERYTHING })) {
        expect(resources.map(({ bytes }) => bytes.toString())).toEqual(
          read.kind === 'found' ? [read.resource.bytes.toString()] : [],
        );
      }
    });

    test('is cut into ranges that hold everything once', async () => {
      for (let at = 0; at < 25; at++) {
        await write(backend, observation(`o${at % 20}`, String(at)), put('Patient', `p${at}`));
      }
      const asOf = await backend.position();
      const ranges = await backend.ranges({ type: 'Observation', asOf, size: 10 });
      const found: string[] = [];
      for (const { from, to } of ranges) found.push(...(await scan({ asOf, from, to })).versions);

      expect(ranges.map(({ versions }) => versions)).toEqual([10, 10, 5]);
      expect(found).toEqual((await scan({ asOf })).versions);
      expect(new Set(found).size).toBe(20);
      expect(await backend.ranges({ type: 'Observation', asOf, size: 25 })).toHaveLength(1);
      expect(await backend.ranges({ type: 'Encounter', asOf, size: 10 })).toEqual([]);
    });

    test('keeps to what was committed after and before a time', async () => {
      for (const id of ['1', '2', '3']) {
        await write(backend, observation(id, 'a'));
        clock.time += 1_000;
      }
      const asOf = await backend.position();

      expect((await scan({ since: START })).versions).toEqual(['2/1', '3/1']);
      expect((await scan({ until: START + 2_000 })).versions).toEqual(['1/1', '2/1']);
      expect((await scan({ since: START, until: START + 2_000 })).versions).toEqual(['2/1']);
      const ranges = await backend.ranges({ type: 'Observation', asOf, since: START, size: 10 });
      expect(ranges.map(({ versions }) => versions)).toEqual([2]);
    });

    describe('with criteria', () => {
      let asOf: Position;
      const patientIs = (code: string): Predicate => ({
        op: 'chain',
        param: 'subject',
        targets: [{ type: 'Patient', where: token('status', code) }],
      });
      const hasObservation = (code: string): Predicate => ({
        op: 'has',
        param: 'subject',
        source: { type: 'Observation', where: token('code', code) },
      });

      /** Then: 1 of p is a, 2 of q is b; p is active, q is not. Since then all of it has been turned round. */
      beforeEach(async () => {
        await write(
          backend,
          put('Patient', 'p', [tokenValue('status', 'active')]),
          put('Patient', 'q', [tokenValue('status', 'inactive')]),
          observation('1', 'a', 'p'),
          observation('2', 'b', 'q'),
        );
        asOf = await backend.position();
        await write(
          backend,
          put('Patient', 'p', [tokenValue('status', 'inactive')]),
          put('Patient', 'q', [tokenValue('status', 'active')]),
          observation('1', 'b', 'q'),
          observation('2', 'a', 'p'),
          observation('3', 'a', 'p'),
        );
      });

      test.each<readonly [string, string, Predicate, readonly string[]]>([
        ['values', 'Observation', token('code', 'a'), ['1/1']],
        ['chains', 'Observation', patientIs('active'), ['1/1']],
        ['_has', 'Patient', hasObservation('b'), ['q/1']],
        ['what is not', 'Observation', { op: 'not', of: token('code', 'a') }, ['2/1']],
      ])('judges %s as of then', async (_, type, where, versions) => {
        expect((await scan({ type, where, asOf })).versions).toEqual(versions);
      });

      test.each<readonly [string, AccessFilter, readonly string[]]>([
        ['by type', only({ Patient: EVERYTHING }), []],
        ['by content', only({ Observation: token('code', 'a') }), ['1/1']],
        [
          'by what it refers to, whether that may be seen or not',
          only({ Observation: patientIs('inactive') }),
          ['2/1'],
        ],
      ])('keeps to what may be seen, %s', async (_, access, versions) => {
        expect((await scan({ access, asOf })).versions).toEqual(versions);
      });

      test('does not follow chains to what may not be seen', async () => {
        const access = only({ Observation: EVERYTHING });

        expect((await scan({ access, where: patientIs('active'), asOf })).versions).toEqual([]);
      });

      test('judges a deletion by what was deleted', async () => {
        await write(backend, remove('Observation', '1'), remove('Observation', '2'));
        const access = only({ Observation: token('code', 'a') });

        expect((await scan({ access, deletions: EVERYTHING })).deleted).toEqual(['2']);
        expect((await scan({ deletions: token('code', 'b') })).deleted).toEqual(['1']);
      });

      test.each<readonly [string, Predicate, readonly string[]]>([
        ['values', token('code', 'a'), ['1']],
        ['chains', patientIs('active'), ['1']],
        ['everything', EVERYTHING, ['1', '2']],
      ])('finds the same by %s as a search as of then does from its first page on', async (_, where, ids) => {
        const found = (await scan({ where, asOf })).versions.map((version) => version.split('/')[0]);

        expect(found).toEqual(ids);
        expect((await allIds(backend, searchOf('Observation', where, { asOf }))).sort()).toEqual(ids);
        expect((await allIds(backend, searchOf('Observation', where, { asOf, count: 1 }))).sort()).toEqual(
          ids,
        );
      });
    });
  });
}
