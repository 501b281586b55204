/**
 * Generated searches on the embedded store, and searches that are too long for the main thread.
 * `FAIRWAY_TEST_SEARCHES` and `FAIRWAY_TEST_SEED` make more generated searches, and others.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Predicate, SortKey } from '../../fhir/search/query.js';
import type { Backend, SearchPage, SearchRequest, Write } from '../../ports/backend.js';
import {
  allIds,
  contractWorld,
  dateValue,
  EVERYTHING,
  idsOf,
  numberValue,
  put,
  referenceValue,
  remove,
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

/** As `_has:Observation:patient:code` asks for them: the store has a key of each patient and code. */
describe('patients that have a code', () => {
  const PATIENTS = 4_500;
  const patient = (at: number) => `p${String(at).padStart(4, '0')}`;
  const everyThird = Array.from({ length: PATIENTS / 3 }, (_, at) => patient(3 * at));
  const hasOf = (where: Predicate) =>
    ({ op: 'has', param: 'patient', source: { type: 'Observation', where } }) as const;
  const has = hasOf(token('code', 'rare'));
  const numbered = (from: number): Predicate =>
    value('number', { kind: 'number', prefix: 'ge', lo: from, hi: from });
  let backend: Backend;

  beforeAll(async () => {
    backend = await emptyBackend(contractWorld());
    const observations = (at: number, code: string, count: number) =>
      Array.from({ length: count }, (_, nth) =>
        put('Observation', `${code}-${at}-${nth}`, [
          tokenValue('code', code),
          dateValue('date', START + nth),
          referenceValue('patient', 'Patient', patient(at)),
        ]),
      );
    const all = Array.from({ length: PATIENTS }, (_, at) => at);
    await write(backend, ...all.map((at) => put('Patient', patient(at), [numberValue('number', at)])));
    await write(
      backend,
      ...all.flatMap((at) => (at % 3 === 0 ? observations(at, 'rare', 1 + (at % 4)) : [])),
      ...all.flatMap((at) => observations(at, 'any', 1)),
      ...all.slice(0, 500).flatMap((at) => (at % 2 === 0 ? observations(at, 'even', 1) : [])),
      ...observations(PATIENTS + 1, 'rare', 2), // of a patient that nobody has stored
    );
  });
  afterAll(() => backend.close());

  const onThisThread = (where: Predicate, more: Partial<SearchRequest> = {}): SearchPage => {
    const page = backend.search(searchOf('Patient', where, more));
    expect(page).not.toBeInstanceOf(Promise);
    return page as SearchPage;
  };

  test('are found page by page, each once, however many resources they have', async () => {
    expect(await allIds(backend, searchOf('Patient', has, { count: 90 }))).toEqual(everyThird);
    expect(idsOf(onThisThread(has, { count: 50 }))).toEqual(everyThird.slice(0, 50));
  });

  test('are found from the last page back to the first', async () => {
    let page = await backend.search(searchOf('Patient', has, { count: 300 }));
    while (page.next !== undefined) {
      page = await backend.search(
        searchOf('Patient', has, { count: 300, after: page.next, asOf: page.asOf }),
      );
    }
    const ids = idsOf(page);
    while (page.previous !== undefined) {
      const { previous, asOf } = page;
      page = await backend.search(searchOf('Patient', has, { count: 300, before: previous, asOf }));
      ids.unshift(...idsOf(page));
    }
    expect(ids).toEqual(everyThird);
  });

  test('are counted', async () => {
    expect((await backend.search(searchOf('Patient', has, { total: 'accurate' }))).total).toBe(1_500);
  });

  test.each([
    ['many, and not the first', 900],
    ['far apart', 2_400],
    ['few', 4_490],
    ['none', PATIENTS],
  ])('and another criterion are found on the main thread where those of both are %s', (_, from) => {
    const page = onThisThread({ op: 'and', of: [has, numbered(from)] }, { count: 500 });
    expect(idsOf(page)).toEqual(everyThird.filter((id) => id >= patient(from)).slice(0, 500));
  });

  test('and another criterion are found on the main thread where both have many, and none is among the first', () => {
    const page = onThisThread(
      { op: 'and', of: [hasOf(token('code', 'any')), numbered(2_300)] },
      { count: 2 },
    );
    expect(idsOf(page)).toEqual([patient(2_300), patient(2_301)]);
  });

  test('of several are found once', async () => {
    const codes = value('code', { kind: 'token-set', members: [{ system: '', codes: ['rare', 'even'] }] });
    const expected = Array.from({ length: PATIENTS }, (_, at) => at)
      .filter((at) => at % 3 === 0 || (at % 2 === 0 && at < 500))
      .map(patient);
    expect(await allIds(backend, searchOf('Patient', hasOf(codes), { count: 700 }))).toEqual(expected);
  });

  test('are not all looked for on the main thread where nobody has stored them', async () => {
    const ghosts = Array.from({ length: 2_100 }, (_, at) =>
      put('Observation', `ghost-${at}`, [
        tokenValue('code', 'ghost'),
        referenceValue('patient', 'Patient', `ghost-${at}`),
      ]),
    );
    await write(backend, ...ghosts);
    const ghost = hasOf(token('code', 'ghost'));
    const chain = { op: 'chain', param: 'patient', targets: [{ type: 'Patient', where: ghost }] } as const;
    for (const request of [searchOf('Patient', ghost), searchOf('Observation', chain)]) {
      const answer = backend.search(request);
      expect(answer).toBeInstanceOf(Promise);
      expect(idsOf(await answer)).toEqual([]);
    }
  });

  test('are no longer found when they or what they have are gone', async () => {
    await write(
      backend,
      remove('Patient', patient(0)),
      remove('Observation', 'rare-12-0'), // their only one
      remove('Observation', 'rare-3-0'), // one of four
      put('Observation', 'rare-24-0', [referenceValue('patient', 'Patient', patient(24))]),
    );
    const gone = [0, 12, 24].map(patient);
    expect(idsOf(onThisThread(has, { count: 50 }))).toEqual(
      everyThird.filter((id) => !gone.includes(id)).slice(0, 50),
    );
  });
});
