/**
 * Generated searches on the embedded store, and searches that are too long for the main thread.
 * `FAIRWAY_TEST_SEARCHES` and `FAIRWAY_TEST_SEED` make more generated searches, and others.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SortKey } from '../../fhir/search/query.js';
import type { Backend, SearchPage, SearchRequest, Write } from '../../ports/backend.js';
import {
  allIds,
  contractWorld,
  dateValue,
  EVERYTHING,
  idsOf,
  put,
  referenceValue,
  START,
  searchOf,
  stringValue,
  token,
  tokenValue,
  value,
  type World,
  write,
} from '../../ports/contract-world.js';
import { generatedPagesContract } from '../../ports/generated-pages.contract.js';
import { generatedSearchContract } from '../../ports/generated-search.contract.js';
import { BOUNDED, type Limits } from './search/scope.js';
import { emptyBackend } from './testing.js';

/** Twenty thousand with those of generated-strings.test.ts. */
const queries = Number(process.env.FAIRWAY_TEST_SEARCHES ?? 9_000);
const seed = Number(process.env.FAIRWAY_TEST_SEED ?? 20_240_101);

const FEW_JUDGED: Limits = { ...BOUNDED, judged: 5_000 };

const MERGED: Limits = { ...FEW_JUDGED, candidates: Number.POSITIVE_INFINITY, apart: 1, collected: 0 };

/** Ways of looking that a small world would not lead to by itself. */
const WAYS: readonly (readonly [name: string, limits: Limits])[] = [
  ['as it does by default', BOUNDED],
  ['going along every chain', { ...FEW_JUDGED, candidates: Number.POSITIVE_INFINITY, listed: 0 }],
  ['collecting little', { ...FEW_JUDGED, candidates: 65, listed: 3 }],
  ['in order and merged', { ...MERGED, near: { keys: 1, rows: 0 } }],
  ['in order and the nearest first', { ...MERGED, near: { keys: 1, rows: 60 } }],
];

describe.each(WAYS)('the embedded store searches as the in-memory match does, %s', (_name, searchLimits) => {
  const make = (world: World) => emptyBackend(world, { searchLimits });
  generatedSearchContract(make, {
    seed,
    queries: searchLimits === BOUNDED ? queries : Math.ceil(queries / 3),
  });
  generatedPagesContract(make, {
    seed,
    sequences: Math.ceil(searchLimits === BOUNDED ? queries / 30 : queries / 90),
  });
});

describe('a page sequence', () => {
  const LIMIT = 10;
  const code = token('code', 'a');
  const observations = (count: number, from = 0) =>
    Array.from({ length: count }, (_, at) =>
      put('Observation', `o${from + at}`, [
        tokenValue('code', 'a'),
        dateValue('date', START + from + at),
        referenceValue('subject', 'Patient', 'p'),
      ]),
    );
  let backend: Backend;

  beforeEach(async () => {
    backend = await emptyBackend(contractWorld(), { searchLimits: { ...BOUNDED, judged: LIMIT } });
    await write(backend, put('Patient', 'p', [tokenValue('code', 'a')]), ...observations(40));
  });
  afterEach(() => backend.close());

  const secondPage = async (request: SearchRequest, between: readonly Write[]): Promise<SearchPage> => {
    const first = await backend.search(request);
    await write(backend, ...between);
    return backend.search({ ...request, asOf: first.asOf, ...(first.next && { after: first.next }) });
  };
  const tooMuch = { kind: 'cursor-invalid', message: expect.stringContaining('start again') };

  test('is refused, not cut, when more has changed than is judged', async () => {
    const request = searchOf('Observation', code, { count: 5 });
    expect(idsOf(await secondPage(request, observations(LIMIT)))).toEqual(['o5', 'o6', 'o7', 'o8', 'o9']);
    await expect(secondPage(request, observations(LIMIT + 1))).rejects.toMatchObject(tooMuch);
  });

  test('is refused when the end of a chain has changed that too many refer to', async () => {
    const where = { op: 'chain', param: 'subject', targets: [{ type: 'Patient', where: code }] } as const;
    const request = searchOf('Observation', where, { count: 5 });
    const same = await secondPage(request, [
      put('Patient', 'p', [tokenValue('code', 'a'), stringValue('name', 'b')]),
    ]);
    expect(idsOf(same)).toEqual(['o5', 'o6', 'o7', 'o8', 'o9']);
    await expect(secondPage(request, [put('Patient', 'p')])).rejects.toMatchObject(tooMuch);
  });

  test('does not count what was created since', async () => {
    const request = searchOf('Observation', code, { count: 5 });
    const page = await secondPage(request, observations(5_000, 40));
    expect(idsOf(page)).toEqual(['o5', 'o6', 'o7', 'o8', 'o9']);
  });

  test('follows the references of the versions that it shows', async () => {
    const includes = [
      { direction: 'forward', source: 'Observation', param: 'subject', iterate: false },
    ] as const;
    const request = searchOf('Observation', code, { count: 39, includes });
    const page = await secondPage(request, [put('Observation', 'o39', [tokenValue('code', 'a')])]);
    expect(page.matches.map(({ id, versionId }) => `${id} ${versionId}`)).toEqual(['o39 1']);
    expect(page.included.map(({ id }) => id)).toEqual(['p']);
  });
});

describe('a search past the limits of the main thread', () => {
  const COUNT = 2_600;
  let backend: Backend;

  beforeAll(async () => {
    backend = await emptyBackend(contractWorld());
    const observation = (at: number) =>
      put('Observation', `o${at}`, [
        tokenValue('code', 'common'),
        dateValue('date', START + at),
        stringValue('name', at % 1_000 === 999 ? `a rare one ${at}` : `name ${COUNT - at}`),
        referenceValue('subject', 'Patient', `p${at % 3}`),
      ]);
    const patients = [0, 1, 2].map((at) => put('Patient', `p${at}`, [tokenValue('code', `c${at}`)]));
    await write(backend, ...patients, ...Array.from({ length: COUNT }, (_, at) => observation(at)));
    await write(backend, put('Observation', 'undated'));
  });
  afterAll(() => backend.close());

  const rare = value('name', { kind: 'string', mode: 'contains', value: 'rare' });
  const byName: readonly SortKey[] = [{ param: 'name', kind: 'string', descending: false }];

  test('is answered by a reader process', async () => {
    const where = { op: 'and', of: [token('code', 'common'), rare] } as const;
    const request = searchOf('Observation', where, { total: 'accurate' });
    const answer = backend.search(request);
    expect(answer).toBeInstanceOf(Promise);
    const page = await answer;
    expect(idsOf(page)).toEqual(['o999', 'o1999']);
    expect(page.total).toBe(2);
  });

  test('is sorted, paged and counted there', async () => {
    const request = searchOf('Observation', token('code', 'common'), {
      sort: byName,
      count: 1_000,
      total: 'accurate',
    });
    expect((await backend.search(request)).total).toBe(COUNT);
    const ids = await allIds(backend, request);
    expect(new Set(ids).size).toBe(COUNT);
    expect(ids.slice(0, 2)).toEqual(['o1999', 'o999']);
  });

  test('brings its includes', async () => {
    const includes = [
      { direction: 'forward', source: 'Observation', param: 'subject', iterate: false },
    ] as const;
    const page = await backend.search(searchOf('Observation', rare, { sort: byName, includes }));
    expect(page.included.map(({ id }) => id).sort()).toEqual(['p0', 'p1']);
  });

  test('is refused as too costly when it takes longer than it may, while others are answered', async () => {
    const late = backend.search(searchOf('Observation', EVERYTHING, { sort: byName, deadline: 0 }));
    const refused = expect(late).rejects.toMatchObject({ name: 'Refusal', kind: 'too-costly' });
    expect(idsOf(await backend.search(searchOf('Patient', token('code', 'c1'))))).toEqual(['p1']);
    await refused;
  });

  test.each(['ascending', 'descending'])(
    'of what has no primary date stays on the main thread, %s',
    (way) => {
      const descending = way === 'descending';
      const where = { op: 'absent', param: 'date' } as const;
      const page = backend.search(
        searchOf('Observation', where, { sort: [{ param: 'date', kind: 'date', descending }] }),
      );
      expect(page).not.toBeInstanceOf(Promise);
      expect(idsOf(page as SearchPage)).toEqual(['undated']);
    },
  );

  test('by way of a few that have thousands of the codes asked for finds what refers to them', async () => {
    const codes = Array.from({ length: 2_500 }, (_, at) => `many ${at}`);
    const values = codes.map((one) => tokenValue('code', one));
    await write(backend, put('Patient', 'p0', values), put('Patient', 'p1', values));
    const set = value('code', { kind: 'token-set', members: [{ system: '', codes }] });
    const where = { op: 'chain', param: 'subject', targets: [{ type: 'Patient', where: set }] } as const;
    const page = await backend.search(searchOf('Observation', where, { count: 4, total: 'accurate' }));
    expect(idsOf(page)).toEqual(['o0', 'o1', 'o3', 'o4']);
    expect(page.total).toBe(1_734);
  });

  test('of the first page stays on the main thread where the page fills early', () => {
    expect(
      backend.search(searchOf('Observation', token('code', 'common'), { count: 50 })),
    ).not.toBeInstanceOf(Promise);
  });
});
