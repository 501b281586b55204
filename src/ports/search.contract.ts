/** Searches by every kind of predicate, one case each; generated-search.contract.ts compares at large. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type IndexValue, OPEN_END } from '../fhir/search/index-value.js';
import type { Predicate, ValueTest } from '../fhir/search/query.js';
import type { Backend } from './backend.js';
import {
  allIds,
  contractWorld,
  dateValue,
  EVERYTHING,
  HandClock,
  idsOf,
  type MakeBackend,
  numberValue,
  put,
  quantityValue,
  referenceValue,
  remove,
  START,
  searchOf,
  stringValue,
  token,
  tokenValue,
  uriValue,
  value,
  write,
} from './contract-world.js';

const DAY = 86_400_000;
const UCUM = 'http://unitsofmeasure.org';

const date = (prefix: (ValueTest & { kind: 'date' })['prefix'], lo: number, hi = lo): Predicate =>
  value('date', { kind: 'date', prefix, lo, hi });
const number = (prefix: (ValueTest & { kind: 'number' })['prefix'], lo: number, hi = lo): Predicate =>
  value('number', { kind: 'number', prefix, lo, hi });
const text = (mode: (ValueTest & { kind: 'string' })['mode'], wanted: string): Predicate =>
  value('name', { kind: 'string', mode, value: wanted });
const versions = (direction: 'below' | 'above', version: string): Predicate =>
  value('instantiates', {
    kind: 'reference',
    target: { kind: 'url', url: 'http://c', version, versions: direction },
  });
const chain = (param: string, type: string, where: Predicate): Predicate => ({
  op: 'chain',
  param,
  targets: [{ type, where }],
});
const has = (param: string, type: string, where: Predicate): Predicate => ({
  op: 'has',
  param,
  source: { type, where },
});

const present = (param: string): Predicate => ({ op: 'not', of: { op: 'absent', param } });

/** The ids that each predicate finds on a type. */
const CASES: readonly (readonly [name: string, type: string, where: Predicate, ids: readonly string[]])[] = [
  ['everything', 'Patient', EVERYTHING, ['ann', 'bob', 'chi']],
  ['nothing', 'Patient', { op: 'nothing' }, []],
  ['ids', 'Patient', { op: 'id', ids: ['bob', 'gone', 'never'] }, ['bob']],
  ['a code of any system', 'Patient', token('code', 'x'), ['ann', 'bob']],
  ['a code of one system', 'Patient', token('code', 'x', 'http://s'), ['ann']],
  ['a code of no system', 'Patient', token('code', 'x', ''), ['bob']],
  ['any code of a system', 'Patient', value('code', { kind: 'token', system: 'http://s' }), ['ann', 'chi']],
  [
    'a code other than one',
    'Patient',
    value('code', { kind: 'other', than: [{ kind: 'token', system: 'http://s', code: 'x' }] }),
    ['bob', 'chi'],
  ],
  ['not', 'Patient', { op: 'not', of: token('code', 'x') }, ['chi']],
  ['absent', 'Patient', { op: 'absent', param: 'name' }, ['chi']],
  ['absent everywhere', 'Patient', { op: 'absent', param: 'never' }, ['ann', 'bob', 'chi']],
  ['a number there is', 'Observation', present('number'), ['day', 'late', 'now']],
  ['no number', 'Observation', { op: 'absent', param: 'number' }, ['open']],
  ['an amount there is', 'Observation', present('amount'), ['day', 'now']],
  ['the date there is', 'Observation', present('date'), ['day', 'late', 'now', 'open']],
  ['a code there is', 'Observation', present('code'), ['now']],
  [
    'a number or an amount there is',
    'Observation',
    { op: 'not', of: { op: 'and', of: ['number', 'amount'].map((param) => ({ op: 'absent', param })) } },
    ['day', 'late', 'now'],
  ],
  [
    'what something with a number and no code refers to',
    'Patient',
    has('subject', 'Observation', { op: 'and', of: [present('number'), { op: 'absent', param: 'code' }] }),
    ['ann'],
  ],
  ['string starts', 'Patient', text('starts', 'mul'), ['ann']],
  ['string contains', 'Patient', text('contains', 'lle'), ['ann', 'bob']],
  ['string ends', 'Patient', text('ends', 'eller'), ['bob']],
  ['string exact', 'Patient', text('exact', 'Müller'), ['ann']],
  ['string equal', 'Patient', text('eq', 'muller'), ['ann']],
  ['string other', 'Patient', text('ne', 'muller'), ['bob']],
  ['string after', 'Patient', text('gt', 'beller'), ['ann']],
  ['string from', 'Patient', text('ge', 'beller'), ['ann', 'bob']],
  ['string before', 'Patient', text('lt', 'muller'), ['bob']],
  ['string up to', 'Patient', text('le', 'muller'), ['ann', 'bob']],
  ['string exact, wrong case', 'Patient', text('exact', 'müller'), []],
  ['date eq', 'Observation', date('eq', START, START + DAY - 1), ['day', 'now']],
  ['date ne', 'Observation', date('ne', START, START + DAY - 1), ['late', 'open']],
  ['date gt', 'Observation', date('gt', START + DAY), ['late', 'open']],
  ['date lt', 'Observation', date('lt', START + 1), ['day', 'now', 'open']],
  ['date ge', 'Observation', date('ge', START + DAY - 1), ['day', 'late', 'open']],
  ['date le', 'Observation', date('le', START), ['day', 'now', 'open']],
  ['date sa', 'Observation', date('sa', START + DAY), ['late']],
  ['date eb', 'Observation', date('eb', START + DAY), ['day', 'now']],
  ['date includes', 'Observation', date('includes', START + 5, START + 6), ['day', 'open']],
  ['date overlaps', 'Observation', date('overlaps', START + 5, START + 6), ['day', 'open']],
  ['number eq by precision', 'Observation', number('eq', 0.5, 1.5), ['now']],
  ['number ge', 'Observation', number('ge', 2), ['day', 'late']],
  ['number up to infinity', 'Observation', number('gt', 1e300), ['late']],
  [
    'quantity of any unit',
    'Observation',
    value('amount', { kind: 'quantity', prefix: 'ge', lo: 5, hi: 5 }),
    ['day', 'now'],
  ],
  [
    'quantity of a system and code',
    'Observation',
    value('amount', { kind: 'quantity', prefix: 'ge', lo: 5, hi: 5, system: UCUM, code: 'mg' }),
    ['day'],
  ],
  [
    'quantity by the text of its unit',
    'Observation',
    value('amount', { kind: 'quantity', prefix: 'ge', lo: 5, hi: 5, code: 'gram' }),
    ['now'],
  ],
  ['uri', 'Observation', value('url', { kind: 'uri', mode: 'exact', value: 'http://a/b' }), ['day']],
  [
    'uri below',
    'Observation',
    value('url', { kind: 'uri', mode: 'below', value: 'http://a' }),
    ['day', 'now'],
  ],
  [
    'uri above',
    'Observation',
    value('url', { kind: 'uri', mode: 'above', value: 'http://a/b/c/d' }),
    ['day', 'now'],
  ],
  [
    'a reference',
    'Observation',
    value('subject', { kind: 'reference', target: { kind: 'local', types: ['Patient'], id: 'ann' } }),
    ['day', 'now'],
  ],
  [
    'a reference of any type',
    'Observation',
    value('subject', { kind: 'reference', target: { kind: 'local', types: [], id: 'ann' } }),
    ['day', 'now'],
  ],
  [
    'a reference to a version',
    'Observation',
    value('subject', { kind: 'reference', target: { kind: 'local', types: [], id: 'ann', version: '3' } }),
    ['now'],
  ],
  [
    'a canonical',
    'Observation',
    value('instantiates', { kind: 'reference', target: { kind: 'url', url: 'http://c' } }),
    ['day', 'late', 'now', 'open'],
  ],
  [
    'a canonical with a version',
    'Observation',
    value('instantiates', { kind: 'reference', target: { kind: 'url', url: 'http://c', version: '2' } }),
    ['now'],
  ],
  ['canonicals below a version', 'Observation', versions('below', '2'), ['late', 'now']],
  ['canonicals above a version', 'Observation', versions('above', '2.1.7'), ['late', 'now']],
  ['canonicals above another version', 'Observation', versions('above', '2.10'), ['now']],
  ['compartment', 'Observation', { op: 'compartment', name: 'Patient', id: 'ann' }, ['day']],
  ['chain', 'Observation', chain('subject', 'Patient', token('code', 'x')), ['day', 'now']],
  [
    'chain over what is not there',
    'Observation',
    chain('subject', 'Patient', { op: 'not', of: token('code', 'x') }),
    [],
  ],
  [
    'chain of chains',
    'Observation',
    chain('subject', 'Patient', chain('link', 'Patient', text('starts', 'b'))),
    ['day', 'now'],
  ],
  ['has', 'Patient', has('subject', 'Observation', token('code', 'high')), ['ann']],
  ['not has', 'Patient', { op: 'not', of: has('subject', 'Observation', EVERYTHING) }, ['bob', 'chi']],
  ['or', 'Patient', { op: 'or', of: [token('code', 'y'), text('starts', 'b')] }, ['bob', 'chi']],
  ['and', 'Patient', { op: 'and', of: [token('code', 'x'), text('contains', 'eller')] }, ['bob']],
  [
    'both components of one occurrence',
    'Observation',
    value('pair', {
      kind: 'composite',
      components: [
        { kind: 'token', code: 'p' },
        { kind: 'number', prefix: 'gt', lo: 5, hi: 5 },
      ],
    }),
    ['now'],
  ],
  [
    'time of change',
    'Patient',
    { op: 'last-updated', test: { kind: 'date', prefix: 'ge', lo: START + 1_000, hi: START + 1_000 } },
    ['chi'],
  ],
];

export function searchContract(makeBackend: MakeBackend): void {
  describe('search finds by', () => {
    let backend: Backend;

    beforeAll(async () => {
      const clock = new HandClock();
      backend = await makeBackend(contractWorld(clock));
      await populate(backend, clock);
    });
    afterAll(() => backend.close());

    test.each(CASES)('%s', async (_name, type, where, ids) => {
      const page = await backend.search(searchOf(type, where, { total: 'accurate' }));
      expect(idsOf(page).sort()).toEqual(ids);
      expect(page.total).toBe(ids.length);
    });
  });

  describe('what has a value of a parameter', () => {
    let backend: Backend;
    const observation = (id: string, day: number, ...more: IndexValue[]) =>
      put('Observation', id, [dateValue('date', START + day * DAY), ...more]);
    const one = numberValue('number', 1);
    const found = async (where: Predicate, descending = false): Promise<readonly string[]> =>
      allIds(
        backend,
        searchOf('Observation', where, { count: 2, sort: [{ param: 'date', kind: 'date', descending }] }),
      );

    beforeEach(async () => {
      backend = await makeBackend(contractWorld());
      await write(backend, ...[1, 2, 3, 4, 5].map((day) => observation(`o${day}`, day, one)));
      await write(backend, observation('none', 3));
    });
    afterEach(() => backend.close());

    test('comes page after page in the order of the primary date, up and down', async () => {
      expect(await found(present('number'))).toEqual(['o1', 'o2', 'o3', 'o4', 'o5']);
      expect(await found(present('number'), true)).toEqual(['o5', 'o4', 'o3', 'o2', 'o1']);
    });

    test('comes at its new place when its primary date is another, and nowhere else', async () => {
      await write(backend, observation('o1', 9, one), put('Observation', 'o4', [one]));
      expect(await found(present('number'))).toEqual(['o2', 'o3', 'o5', 'o1', 'o4']);
      expect(await found({ op: 'absent', param: 'number' })).toEqual(['none']);
      expect(await found(present('date'), true)).toEqual(['o1', 'o5', 'none', 'o3', 'o2']);
      expect(await found({ op: 'absent', param: 'date' })).toEqual(['o4']);
    });

    test('is no longer found when it has lost its value, and is when it has got one', async () => {
      await write(backend, observation('o2', 2), observation('none', 3, one), remove('Observation', 'o5'));
      expect(await found(present('number'))).toEqual(['o1', 'o3', 'none', 'o4']);
      expect(await found({ op: 'absent', param: 'number' })).toEqual(['o2']);
    });
  });
}

async function populate(backend: Backend, clock: HandClock): Promise<void> {
  const pair = (code: string, amount: number) => ({
    kind: 'composite' as const,
    param: 'pair',
    components: [[tokenValue('', code)], [numberValue('', amount)]],
  });
  await write(
    backend,
    put('Patient', 'ann', [
      tokenValue('code', 'x', 'http://s'),
      stringValue('name', 'Müller'),
      referenceValue('link', 'Patient', 'bob'),
    ]),
    put('Patient', 'bob', [tokenValue('code', 'x'), stringValue('name', 'Beller')]),
    put('Patient', 'gone', [tokenValue('code', 'x'), stringValue('name', 'Muller')]),
    put('Observation', 'day', [
      dateValue('date', START, START + DAY - 1),
      numberValue('number', 2),
      quantityValue('amount', 5, 'mg'),
      uriValue('url', 'http://a/b'),
      referenceValue('subject', 'Patient', 'ann'),
      referenceValue('@Patient', 'Patient', 'ann'),
      { kind: 'reference', param: 'instantiates', target: { kind: 'url', url: 'http://c' } },
      pair('p', 1),
      pair('q', 9),
    ]),
    put('Observation', 'now', [
      dateValue('date', START),
      numberValue('number', 1),
      quantityValue('amount', 7, 'g', 'gram'),
      uriValue('url', 'http://a/bc'),
      uriValue('url', 'http://a/'),
      referenceValue('subject', 'Patient', 'ann', '3'),
      { kind: 'reference', param: 'instantiates', target: { kind: 'url', url: 'http://c', version: '2' } },
      tokenValue('code', 'high'),
      pair('p', 9),
    ]),
    put('Observation', 'late', [
      dateValue('date', START + 3 * DAY),
      numberValue('number', 3, Number.POSITIVE_INFINITY),
      referenceValue('subject', 'Patient', 'never'),
      { kind: 'reference', param: 'instantiates', target: { kind: 'url', url: 'http://c', version: '2.1' } },
    ]),
    put('Observation', 'open', [
      dateValue('date', START - DAY, OPEN_END),
      referenceValue('subject', 'Patient', 'gone'),
      { kind: 'reference', param: 'instantiates', target: { kind: 'url', url: 'http://c', version: '21' } },
    ]),
  );
  clock.time += 1_000;
  await write(
    backend,
    put('Patient', 'chi', [tokenValue('code', 'y', 'http://s')]),
    remove('Patient', 'gone'),
  );
}
