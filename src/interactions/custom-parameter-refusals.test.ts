/** What keeps a SearchParameter from being active: https://hl7.org/fhir/R4/searchparameter.html */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../fhir/format/json.js';
import { parameter, patient, put } from './custom-parameter/testing.js';
import { openWorld, type World } from './testing.js';

let world: World;

beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

describe('a search parameter that cannot be served is refused, with all that is wrong', () => {
  const component = [
    { definition: 'http://hl7.org/fhir/SearchParameter/clinical-code', expression: 'code' },
    { definition: 'http://example.org/none', expression: 'value.as(Quantity)' },
  ];

  test.each<[string, JsonObject, ...(readonly [element: string, text: string])[]]>([
    [
      'a function that is not known',
      { expression: 'Patient.name.first()' },
      ['expression', 'first() is not known'],
    ],
    [
      'an element that is not there',
      { expression: 'Patient.nmae' },
      ['expression', 'Patient has no element nmae'],
    ],
    ['an expression that ends too early', { expression: 'Patient.name[' }, ['expression', 'ends too early']],
    [
      'values of another kind',
      { expression: 'Patient.contact' },
      ['expression', 'leads to no string values on Patient'],
    ],
    [
      'another type than its base',
      { expression: 'Group.name' },
      ['expression', 'no string values on Patient'],
    ],
    [
      'an endless expression',
      { expression: `Patient.name${'.extension'.repeat(300)}` },
      ['expression', '2000 characters'],
    ],
    [
      'brackets without end',
      { expression: `${'('.repeat(60)}Patient.name${')'.repeat(60)}` },
      ['expression', '32 brackets'],
    ],
    [
      'steps without end',
      { expression: `Patient${'.extension.value'.repeat(40)}` },
      ['expression', '64 steps'],
    ],
    ['a code that FHIR defines', { code: 'family' }, ['base[0]', 'which FHIR R4 defines']],
    ['a code that searches cannot name', { code: 'nick.name' }, ['code', 'letters, digits, hyphens']],
    ["FHIR's own underscore", { code: '_nick' }, ['code', 'a letter and then']],
    ['a base of many types', { base: ['DomainResource'] }, ['base[0]', 'stands for many types']],
    ['the type special', { type: 'special' }, ['type', 'type special has no values']],
    ['a composite of one', { type: 'composite' }, ['component', 'two components or more']],
    [
      'a component that nothing rules',
      { type: 'composite', base: ['Observation'], expression: 'Observation', component },
      ['component[1].definition', 'no simple search parameter of FHIR R4'],
    ],
    [
      'several things',
      { code: 'a b', base: ['Resource', 'Patient'], type: 'special' },
      ['code', 'letters, digits'],
      ['type', 'special'],
      ['base[0]', 'many types'],
    ],
  ])('%s', async (_what, more, ...wrong) => {
    const { status, json } = await world.ask('POST SearchParameter', { body: parameter(more) });
    expect(status).toBe(422);
    expect(json.issue).toHaveLength(wrong.length);
    for (const [at, [element, text]] of wrong.entries()) {
      expect(json.issue[at].expression).toEqual([`SearchParameter.${element}`]);
      expect(json.issue[at].details.text).toContain(text);
    }
    expect((await world.ask('GET SearchParameter?_summary=count')).json.total).toBe(0);
  });

  test('no expression at all', async () => {
    const { expression: _without, ...body } = parameter();
    const { status, json } = await world.ask('POST SearchParameter', { body });
    expect(status).toBe(422);
    expect(json.issue[0]).toMatchObject({ code: 'required', expression: ['SearchParameter.expression'] });
  });

  test('a code that another one has on the same type', async () => {
    await put(world, 'nick', parameter());
    const { status, json } = await world.ask('PUT SearchParameter/other', {
      body: parameter({ id: 'other' }),
    });
    expect(status).toBe(422);
    expect(json.issue[0]).toMatchObject({ code: 'duplicate', expression: ['SearchParameter.base[0]'] });
    expect(json.issue[0].details.text).toContain('SearchParameter/nick');
  });

  test('in a transaction and by a patch as well, and nothing is stored', async () => {
    await put(world, 'nick', parameter({ status: 'draft', code: 'family' }));
    const entry = [
      { request: { method: 'PUT', url: 'Patient/p' }, resource: patient('Bo', { id: 'p' }) },
      {
        request: { method: 'POST', url: 'SearchParameter' },
        resource: parameter({ expression: 'Patient.nmae' }),
      },
    ];
    const transaction = await world.ask('POST ', {
      body: { resourceType: 'Bundle', type: 'transaction', entry },
    });
    expect(transaction.status).toBe(422);
    expect((await world.ask('GET Patient/p')).status).toBe(404);
    const patched = await world.ask('PATCH SearchParameter/nick', {
      headers: { 'content-type': 'application/json-patch+json' },
      body: [{ op: 'replace', path: '/status', value: 'active' }],
    });
    expect(patched.status).toBe(422);
    expect((await world.ask('GET SearchParameter/nick')).json.status).toBe('draft');
  });

  test('one that is not active is stored as it is', async () => {
    const answer = await world.ask('POST SearchParameter', {
      body: parameter({ status: 'draft', expression: 'Patient.nmae' }),
    });
    expect(answer.status).toBe(201);
  });
});
