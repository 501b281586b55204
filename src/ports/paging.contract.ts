/** Orders, pages, totals, includes. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ResourceObject } from '../fhir/format/json.js';
import type { Include, SortKey } from '../fhir/search/query.js';
import type { Backend, SearchRequest, StoredResource, Write } from './backend.js';
import {
  allIds,
  contractWorld,
  dateValue,
  EVERYTHING,
  HandClock,
  idsOf,
  type MakeBackend,
  numberValue,
  only,
  prepared,
  put,
  referenceValue,
  remove,
  START,
  searchOf,
  stringValue,
  token,
  tokenValue,
  write,
} from './contract-world.js';

const NEWEST: readonly SortKey[] = [{ param: 'date', kind: 'date', descending: true }];

function numbered(count: number, prefix = 'o'): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(3, '0')}`);
}

export function pagingContract(makeBackend: MakeBackend): void {
  describe('pages', () => {
    const clock = new HandClock();
    let backend: Backend;

    beforeEach(async () => {
      clock.time = START;
      backend = await makeBackend(contractWorld(clock));
    });
    afterEach(() => backend.close());

    const observations = (count: number): Promise<unknown> =>
      write(
        backend,
        ...numbered(count).map((id, at) =>
          put('Observation', id, [
            dateValue('date', START + (at % 7) * 1_000),
            tokenValue('code', at % 2 === 0 ? 'a' : 'b'),
          ]),
        ),
      );

    test('have each resource as it was written, long ones and short ones, in whatever signs', async () => {
      const lengths = [0, 31_000, 40, 500_000, 3, 32_100, 1_000_000, 7];
      const texts = lengths.map((length, at) => `${at}\u0000é😀`.padEnd(length, 'ü'));
      const writes = texts.map((text, at) =>
        put('Observation', `long${at}`, [], { resource: prepared([dateValue('date', START + at)], text) }),
      );
      await write(backend, ...writes);

      const { matches } = await backend.search(searchOf('Observation'));

      const shown = matches.map(({ bytes }) => JSON.parse(bytes.toString('utf8')) as ResourceObject);
      expect(shown.map(({ text }) => text)).toEqual(texts);
      expect(shown.map(({ id }) => id)).toEqual(matches.map(({ id }) => id));
    });

    test.each<readonly [string, Partial<SearchRequest> & { sort?: readonly SortKey[] }]>([
      ['natural order', {}],
      ['newest first', { sort: NEWEST }],
      ['by time of change', { sort: [{ param: '_lastUpdated', kind: 'date', descending: true }] }],
      ['by two keys', { sort: [{ param: 'code', kind: 'token', descending: true }, ...NEWEST] }],
    ])('in %s give each match once', async (_, more) => {
      await observations(40);
      const request = searchOf('Observation', EVERYTHING, { ...more, count: 7 });
      const ids = await allIds(backend, request);
      expect([...ids].sort()).toEqual(numbered(40));
      expect(ids).toEqual(await allIds(backend, { ...request, count: 100 }));
    });

    test.each<readonly [string, readonly SortKey[]]>([
      ['natural order', []],
      ['newest first', NEWEST],
      ['by time of change', [{ param: '_lastUpdated', kind: 'date', descending: false }]],
      ['last changed first', [{ param: '_lastUpdated', kind: 'date', descending: true }]],
      ['by id, backwards', [{ param: '_id', kind: 'token', descending: true }]],
      ['by two keys', [{ param: 'code', kind: 'token', descending: false }, ...NEWEST]],
    ])('in %s hold what matched at first, as it was, while others write', async (_, sort) => {
      await observations(30);
      const request = searchOf('Observation', token('code', 'a'), { count: 4, sort });
      const whole = (await backend.search({ ...request, count: 100 })).matches;
      const writes: readonly Write[] = [
        put('Observation', 'created', [dateValue('date', START + 3_000), tokenValue('code', 'a')]),
        put('Observation', 'o000', [dateValue('date', START + 9_000), tokenValue('code', 'a')]),
        put('Observation', 'o028', [dateValue('date', START - 9_000), tokenValue('code', 'a')]),
        put('Observation', 'o010', [tokenValue('code', 'b')]),
        put('Observation', 'o011', [dateValue('date', START), tokenValue('code', 'a')]),
        remove('Observation', 'o014'),
        remove('Observation', 'o016'),
        put('Observation', 'o016', [tokenValue('code', 'a')]),
      ];
      const found: StoredResource[] = [];
      let page = await backend.search(request);
      found.push(...page.matches);
      for (let round = 0; page.next !== undefined; round++) {
        clock.time += 1_000;
        await write(backend, ...writes.slice(round * 3, round * 3 + 3));
        page = await backend.search({ ...request, after: page.next, asOf: page.asOf });
        found.push(...page.matches);
      }
      expect(found).toEqual(whole);
    });

    test('show nothing of what may no longer be seen', async () => {
      await observations(12);
      const access = only({ Observation: token('code', 'a') });
      const request = searchOf('Observation', EVERYTHING, { count: 2, access });
      const first = await backend.search(request);
      await write(
        backend,
        put('Observation', 'o004', [tokenValue('code', 'b')]),
        remove('Observation', 'o006'),
      );
      const rest = { ...request, count: 10, asOf: first.asOf, ...(first.next && { after: first.next }) };
      expect(idsOf(await backend.search(rest)).sort()).not.toContain('o004');
      expect(idsOf(await backend.search(rest)).sort()).toContain('o006');
    });

    test('are read back to the first by the key of the page before', async () => {
      await observations(10);
      const request = searchOf('Observation', EVERYTHING, { count: 4, sort: NEWEST });
      const first = await backend.search(request);
      expect(first.previous).toBeUndefined();
      const second = await backend.search({
        ...request,
        asOf: first.asOf,
        ...(first.next && { after: first.next }),
      });
      const back = await backend.search({
        ...request,
        asOf: first.asOf,
        ...(second.previous && { before: second.previous }),
      });
      expect(idsOf(back)).toEqual(idsOf(first));
      expect(back.previous).toBeUndefined();
      expect(back.next).toEqual(first.next);
    });

    test('go on after amounts without end', async () => {
      const open = (at: number) => (at % 2 === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
      await write(
        backend,
        ...numbered(9).map((id, at) =>
          put('Observation', id, at < 6 ? [numberValue('number', open(at))] : []),
        ),
      );
      const sort: readonly SortKey[] = [{ param: 'number', kind: 'number', descending: false }];
      const request = searchOf('Observation', EVERYTHING, { count: 2, sort });
      const found: string[] = [];
      let page = await backend.search(request);
      found.push(...idsOf(page));
      while (page.next !== undefined) {
        const after = JSON.parse(JSON.stringify(page.next)); // as links carry it
        page = await backend.search({ ...request, after, asOf: page.asOf });
        found.push(...idsOf(page));
      }
      expect(found).toEqual([0, 2, 4, 1, 3, 5, 6, 7, 8].map((at) => `o00${at}`));
    });

    test('several types are one sequence', async () => {
      await write(
        backend,
        ...numbered(5, 'p').map((id) => put('Patient', id)),
        ...numbered(5, 'e').map((id) => put('Encounter', id)),
      );
      const parts = ['Patient', 'Encounter'].map((type) => ({ type, where: EVERYTHING }));
      const sort: readonly SortKey[] = [{ param: '_id', kind: 'token', descending: false }];
      const base = searchOf('Patient', EVERYTHING, { count: 3, total: 'accurate' });
      expect(await allIds(backend, { ...base, query: { parts, sort: [] } })).toEqual([
        ...numbered(5, 'p'),
        ...numbered(5, 'e'),
      ]);
      expect(await allIds(backend, { ...base, query: { parts, sort } })).toEqual([
        ...numbered(5, 'e'),
        ...numbered(5, 'p'),
      ]);
      expect((await backend.search({ ...base, query: { parts, sort } })).total).toBe(10);
    });

    test('a page key of another order is refused', async () => {
      await observations(5);
      const request = searchOf('Observation', EVERYTHING, { count: 2, after: ['not ours', 0, 1, 2] });
      await expect(Promise.resolve().then(() => backend.search(request))).rejects.toMatchObject({
        kind: 'cursor-invalid',
      });
    });

    test('a count of 0 gives the total alone', async () => {
      await observations(10);
      const page = await backend.search(searchOf('Observation', token('code', 'a'), { count: 0 }));
      expect(page).toMatchObject({ matches: [], total: 5 });
      expect(page.next).toBeUndefined();
    });

    test('totals are accurate where asked for and not guessed where not', async () => {
      await observations(20);
      const request = searchOf('Observation', token('code', 'a'), { count: 3 });
      expect((await backend.search({ ...request, total: 'accurate' })).total).toBe(10);
      // Where it costs nothing it may be told.
      expect([undefined, 10]).toContain((await backend.search({ ...request, total: 'none' })).total);
      expect((await backend.search({ ...request, count: 50, total: 'none' })).total).toBe(10);
    });

    test('missing values come last in both directions', async () => {
      await write(
        backend,
        put('Observation', 'none'),
        put('Observation', 'old', [dateValue('date', -5_000), stringValue('name', 'b')]),
        put('Observation', 'new', [dateValue('date', START), stringValue('name', 'a')]),
      );
      const sorted = async (param: string, kind: SortKey['kind'], descending: boolean) =>
        allIds(
          backend,
          searchOf('Observation', EVERYTHING, { count: 1, sort: [{ param, kind, descending }] }),
        );
      expect(await sorted('date', 'date', false)).toEqual(['old', 'new', 'none']);
      expect(await sorted('date', 'date', true)).toEqual(['new', 'old', 'none']);
      expect(await sorted('name', 'string', false)).toEqual(['new', 'old', 'none']);
      expect(await sorted('name', 'string', true)).toEqual(['old', 'new', 'none']);
    });
  });

  describe('includes', () => {
    let backend: Backend;

    beforeEach(async () => {
      backend = await makeBackend(contractWorld());
      await write(
        backend,
        put('Organization', 'org'),
        put('Patient', '1', [
          referenceValue('organization', 'Organization', 'org'),
          referenceValue('link', 'Patient', '2'),
        ]),
        put('Patient', '2', [referenceValue('link', 'Patient', '1')]),
        put('Encounter', 'e', [referenceValue('subject', 'Patient', '1')]),
        put('Observation', 'o', [
          referenceValue('subject', 'Patient', '1'),
          referenceValue('encounter', 'Encounter', 'e'),
          referenceValue('encounter', 'Encounter', 'gone'),
        ]),
      );
    });
    afterEach(() => backend.close());

    const included = async (type: string, id: string, ...includes: readonly Include[]): Promise<string[]> => {
      const page = await backend.search(searchOf(type, { op: 'id', ids: [id] }, { includes }));
      expect(page.includesTruncated).toBe(false);
      return page.included.map((one) => `${one.type}/${one.id}`).sort();
    };
    const forward = (source: string, param: string, more: Partial<Include> = {}): Include => ({
      direction: 'forward',
      source,
      param,
      iterate: false,
      ...more,
    });
    const reverse = (source: string, param: string, more: Partial<Include> = {}): Include => ({
      ...forward(source, param, more),
      direction: 'reverse',
    });

    test('follow references of matches, once each, and not to what is not there', async () => {
      expect(await included('Observation', 'o', forward('Observation', 'subject'))).toEqual(['Patient/1']);
      expect(await included('Observation', 'o', forward('Observation', 'encounter'))).toEqual([
        'Encounter/e',
      ]);
      expect(
        await included(
          'Observation',
          'o',
          forward('Observation', 'subject'),
          forward('Observation', 'subject'),
        ),
      ).toEqual(['Patient/1']);
    });

    test('a wildcard follows all reference parameters, a target only those to its type', async () => {
      expect(await included('Observation', 'o', forward('Observation', '*'))).toEqual([
        'Encounter/e',
        'Patient/1',
      ]);
      expect(await included('Observation', 'o', forward('Observation', '*', { target: 'Patient' }))).toEqual([
        'Patient/1',
      ]);
    });

    test('reverse includes bring what refers to the matches', async () => {
      expect(await included('Patient', '1', reverse('Observation', 'subject'))).toEqual(['Observation/o']);
      expect(await included('Patient', '1', reverse('Encounter', '*'), reverse('Observation', '*'))).toEqual([
        'Encounter/e',
        'Observation/o',
      ]);
    });

    test('iteration goes on from what was included, through cycles, and ends', async () => {
      const iterate = { iterate: true };
      expect(
        await included(
          'Observation',
          'o',
          forward('Observation', 'subject'),
          forward('Patient', 'organization'),
        ),
      ).toEqual(['Patient/1']);
      expect(
        await included(
          'Observation',
          'o',
          forward('Observation', 'subject'),
          forward('Patient', '*', iterate),
        ),
      ).toEqual(['Organization/org', 'Patient/1', 'Patient/2']);
      expect(await included('Patient', '1', forward('Patient', 'link', iterate))).toEqual(['Patient/2']);
    });

    test('are cut at the limit, and say so', async () => {
      const { includeLimit } = backend.capabilities;
      await write(
        backend,
        ...numbered(includeLimit + 1).map((id) =>
          put('Observation', id, [referenceValue('subject', 'Patient', '2')]),
        ),
      );
      const page = await backend.search(
        searchOf('Patient', { op: 'id', ids: ['2'] }, { includes: [reverse('Observation', 'subject')] }),
      );
      expect(page.includesTruncated).toBe(true);
      expect(page.included).toHaveLength(includeLimit);
    });
  });
}
