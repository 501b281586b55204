import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, requestOf, type World } from '../testing.js';
import { GRAPHQL } from './operation.js';
import { type Asking, fillWard, graphql } from './testing.js';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await fillWard(world);
});
afterAll(() => world.close());

const PETER: Asking = { on: 'Patient/peter' };

const nested = (depth: number, field: string): string =>
  depth === 0 ? 'id' : `${field} { ${nested(depth - 1, field)} }`;
const BOMB = Array.from(
  { length: 30 },
  (_, at) => `fragment f${at} on Patient { ...f${at + 1} ...f${at + 1} }`,
);

const WRONG: readonly (readonly [string, string, Asking, string, string])[] = [
  ['no text at all', ' ', {}, 'invalid', 'There is no query'],
  ['a syntax error', '{ Patient(id: "1") { id }', {}, 'invalid', 'line 1, column 26'],
  ['a syntax error at a value', '{ Patient(id: "1") "Windsor" }', {}, 'invalid', 'a string'],
  [
    'a mutation',
    'mutation { PatientDelete(id: "1") { id } }',
    {},
    'not-supported',
    'a mutation is not supported',
  ],
  ['definitions of types', 'type A { b: String }', {}, 'invalid', 'operations and fragments alone'],
  ['no operation', 'fragment a on Patient { id }', {}, 'invalid', 'has no operation'],
  [
    'several operations, none named',
    'query A { a: __typename } query B { b: __typename }',
    {},
    'invalid',
    'name the one',
  ],
  [
    'an operation of another name',
    'query A { __typename }',
    { operationName: 'B' },
    'invalid',
    'not one operation',
  ],
  [
    'an unknown field',
    '{ name { famly } }',
    PETER,
    'invalid',
    'HumanName has no field famly: did you mean family?',
  ],
  ['an unknown field of a resource', '{ birthdate }', PETER, 'invalid', 'did you mean birthDate?'],
  ['an unknown field of the system', '{ PatientLst { id } }', {}, 'invalid', 'PatientList'],
  [
    'an unknown field of any type',
    '{ subject { resource { nmae { family } } } }',
    { on: 'Observation/w1' },
    'invalid',
    'has no field nmae',
  ],
  [
    'an unknown field below one type',
    '{ subject { resource { name { famly } } } }',
    { on: 'Observation/w1' },
    'invalid',
    'has no field famly',
  ],
  [
    'a name of the base that choices do not have',
    '{ value }',
    { on: 'Observation/w1' },
    'invalid',
    'Observation has no field value',
  ],
  ['introspection', '{ __schema { types { name } } }', {}, 'invalid', 'not served'],
  ['an object without fields', '{ name }', PETER, 'invalid', 'choose fields of name'],
  ['fields of a simple value', '{ active { id } }', PETER, 'invalid', 'active is a simple value'],
  ['arguments of a simple value', '{ active(_count: 1) }', PETER, 'invalid', 'takes no argument _count'],
  [
    'an unknown argument of an element',
    '{ name(usage: official) { use } }',
    PETER,
    'invalid',
    'no argument usage on HumanName',
  ],
  [
    'an unknown search parameter',
    '{ PatientList(famly: "a") { id } }',
    {},
    'not-supported',
    'did you mean family?',
  ],
  [
    'a search parameter left to REST',
    '{ PatientList(_include: "*") { id } }',
    {},
    'not-supported',
    'not searched by _include',
  ],
  [
    'a value that no search can be made of',
    '{ PatientList(birthdate: "spring") { id } }',
    {},
    'invalid',
    'birthdate',
  ],
  [
    'an object as a value',
    '{ PatientList(family: {a: 1}) { id } }',
    {},
    'invalid',
    'no argument takes an object',
  ],
  ['an offset that is no number', '{ name(_offset: -1) { use } }', PETER, 'invalid', 'whole number'],
  [
    'FHIRPath that is not understood',
    '{ name(fhirpath: "count() > 1") { use } }',
    PETER,
    'not-supported',
    'cannot be evaluated',
  ],
  ['a resource without its id', '{ Patient { id } }', {}, 'required', 'needs the argument id'],
  [
    'another argument beside the id',
    '{ Patient(id: 1, name: "x") { id } }',
    {},
    'invalid',
    'use PatientList',
  ],
  ['a reverse list without _reference', '{ ObservationList { id } }', PETER, 'required', '_reference'],
  [
    'a reverse list by what cannot refer here',
    '{ ObservationList(_reference: encounter) { id } }',
    PETER,
    'value',
    'subject',
  ],
  [
    'a cursor below the root',
    '{ ObservationConnection(_reference: subject, _cursor: "x") { next } }',
    PETER,
    'not-supported',
    '_cursor',
  ],
  [
    'a type that is none',
    '{ subject { resource(type: Person1) { id } } }',
    { on: 'Observation/w1' },
    'invalid',
    'Person',
  ],
  ['an unknown fragment', '{ ...names }', PETER, 'invalid', 'there is no fragment names'],
  ['a fragment on no type', '{ ... on Pateint { id } }', PETER, 'invalid', 'did you mean Patient?'],
  ['a fragment that never applies', '{ ... on Group { id } }', PETER, 'invalid', 'never applies here'],
  [
    'a cycle of fragments',
    '{ ...a } fragment a on Patient { ...b } fragment b on Patient { ...a }',
    PETER,
    'invalid',
    'leads back to itself',
  ],
  ['two things under one name', '{ id: active id }', PETER, 'invalid', 'two different things'],
  [
    'the same with other arguments',
    '{ name(use: usual) { use } name { use } }',
    PETER,
    'invalid',
    'two different things',
  ],
  ['an unknown directive', '{ name @flaten { use } }', PETER, 'not-supported', 'did you mean flatten?'],
  ['a condition that is none', '{ id @skip(if: "no") }', PETER, 'invalid', 'true or false'],
  ['flattening a simple value', '{ id @flatten }', PETER, 'invalid', 'nothing to flatten'],
  ['slicing without a path', '{ name @slice { use } }', PETER, 'invalid', '@slice needs'],
  ['an undeclared variable', '{ name(use: $use) { use } }', PETER, 'invalid', '$use is not declared'],
  [
    'a variable without its value',
    'query ($use: code!) { name(use: $use) { use } }',
    PETER,
    'required',
    '$use has no value',
  ],
  [
    'a variable of another type',
    'query ($n: Int) { name(_count: $n) { use } }',
    { ...PETER, variables: { n: 'x' } },
    'value',
    '$n is not of its type',
  ],
  ['what is skipped too', '{ id name @skip(if: true) { famly } }', PETER, 'invalid', 'did you mean family?'],
  ['too deep a query', `{ ${nested(21, 'extension')} }`, PETER, 'too-costly', 'deeper than 20'],
  ['brackets without end', '{a'.repeat(5000), PETER, 'too-costly', 'brackets'],
  [
    'more names than one can read',
    `{ ${Array.from({ length: 2001 }, (_, at) => `a${at}: id`).join(' ')} }`,
    PETER,
    'too-costly',
    '2000 fields',
  ],
  [
    'fragments that double without end',
    `{ ...f0 } ${BOMB.join(' ')} fragment f30 on Patient { id }`,
    PETER,
    'too-costly',
    '2000 fields',
  ],
  ['a text without end', `{ id ${'# \nid '.repeat(20_000)} }`, PETER, 'too-costly', '20000 tokens'],
];

describe('a query that cannot be carried out', () => {
  it.each(WRONG)('is refused: %s', async (_name, query, asking, code, text) => {
    const { status, json } = await graphql(world, query, asking);
    expect({ status, type: json.resourceType }).toEqual({ status: 400, type: 'OperationOutcome' });
    expect(json.issue[0].details.text).toContain(text);
    expect(json.issue[0].code).toBe(code);
  });

  it('is told all that is wrong, each with its place', async () => {
    const { json } = await graphql(world, '{ name { famly }\n  genre }', PETER);
    expect(json.issue.map((issue: { details: { text: string } }) => issue.details.text)).toEqual([
      'Line 1, column 10: HumanName has no field famly: did you mean family?',
      expect.stringMatching(/^Line 2, column 3: Patient has no field genre/),
    ]);
  });

  it('does not have the values of the query repeated to it', async () => {
    const { text } = await graphql(world, '{ Patient(id: "1") "Windsor" }');
    expect(text).not.toContain('Windsor');
  });
});

describe('a query that asks for too much', () => {
  it('is refused once its deadline has passed', async () => {
    const late = { ...world.context, deadline: world.context.clock.now() };
    const query = encodeURIComponent('{ PatientList { id } }');
    await expect(
      GRAPHQL.run(requestOf(`GET $graphql?query=${query}`), { operation: 'graphql' }, late),
    ).rejects.toMatchObject({ status: 503, issues: [{ code: 'too-costly' }] });
  });

  it('is refused after so many searches', async () => {
    const fields = Array.from({ length: 201 }, (_, at) => `a${at}: PatientList(_count: 1) { id }`);
    const { status, json } = await graphql(world, `{ ${fields.join(' ')} }`);
    expect(status).toBe(400);
    expect(json.issue[0]).toMatchObject({ code: 'too-costly' });
    expect(json.issue[0].details.text).toContain('200 searches');
  });

  const FOLLOW = '{ entry { item { resource(optional: true) { id } } } }';
  const putList = (id: string, reference: (at: number) => string) => {
    const entry = Array.from({ length: 1001 }, (_, at) => ({ item: { reference: reference(at) } }));
    const list = { resourceType: 'List', id, status: 'current', mode: 'working', entry };
    return world.ask(`PUT List/${id}`, { body: list });
  };

  it('is refused after so many references', async () => {
    await putList('many', (at) => `Patient/none-${at}`);
    const { status, json } = await graphql(world, FOLLOW, { on: 'List/many' });
    expect(status).toBe(400);
    expect(json.issue[0].code).toBe('too-costly');
    expect(json.issue[0].details.text).toContain('1000 references');
  });

  it('reads a resource that is referred to again and again but once', async () => {
    await putList('same', () => 'Patient/ada');
    const { status, json } = await graphql(world, FOLLOW, { on: 'List/same' });
    expect({ status, entries: json.data.entry.length }).toEqual({ status: 200, entries: 1001 });
  });
});

describe('a request', () => {
  const query = encodeURIComponent('query A($id: ID) { Patient(id: $id) { id } }');
  const variables = encodeURIComponent('{"id":"ada"}');
  const ada = { data: { Patient: { id: 'ada' } } };

  it('is a GET with its query in the URL', async () => {
    const line = `GET $graphql?query=${query}&operationName=A&variables=${variables}`;
    const { status, headers, json } = await world.ask(line);
    expect({ status, json }).toEqual({ status: 200, json: ada });
    expect(headers['content-type']).toMatch(/^application\/json/);
  });

  it('is a POST of the document, or of Parameters', async () => {
    const headers = { 'content-type': 'application/graphql' };
    const body = '{ Patient(id: "ada") { id } }';
    expect((await world.ask('POST $graphql', { headers, body })).json).toEqual(ada);
    const parameters = { resourceType: 'Parameters', parameter: [{ name: 'query', valueString: body }] };
    expect((await world.ask('POST $graphql', { body: parameters })).json).toEqual(ada);
  });

  it('is an entry of a batch, whose answer carries the JSON in a Binary', async () => {
    const entry = [
      { request: { method: 'GET', url: `$graphql?query=${encodeURIComponent('{ __typename }')}` } },
    ];
    const { json } = await world.ask('POST ', { body: { resourceType: 'Bundle', type: 'batch', entry } });
    const { resource, response } = json.entry[0];
    expect(response.status).toBe('200 OK');
    expect(resource).toMatchObject({
      resourceType: 'Binary',
      contentType: 'application/json; charset=utf-8',
    });
    expect(Buffer.from(resource.data, 'base64').toString()).toBe('{"data":{"__typename":"Query"}}');
  });

  it('is answered prettily where it asks for that', async () => {
    const { text } = await world.ask(
      `GET $graphql?_pretty=true&query=${encodeURIComponent('{ __typename }')}`,
    );
    expect(text).toBe('{\n  "data": {\n    "__typename": "Query"\n  }\n}');
  });

  it.each([
    ['GET $graphql', {}, 400],
    ['GET $graphql?query=%7Ba%7D&variables=%7B', {}, 400],
    ['POST $graphql', { body: '[]' }, 400],
    ['POST $graphql', { body: '{"query":1}' }, 400],
    ['POST $graphql', { body: '{"query":"{a}","variables":[]}' }, 400],
    ['POST $graphql', { body: '{"query":"{a}","operationName":1}' }, 400],
    ['POST $graphql', { body: Buffer.from([0xff]), headers: { 'content-type': 'application/graphql' } }, 400],
    ['POST $graphql', { body: '{a}', headers: { 'content-type': 'text/plain' } }, 415],
    ['GET Patient/$graphql?query=%7Bid%7D', {}, 400],
    ['DELETE $graphql', {}, 405],
  ])('%s %o is refused with %i', async (line, ask, status) => {
    const answer = await world.ask(line, ask);
    expect(answer.status).toBe(status);
    expect(answer.json.resourceType).toBe('OperationOutcome');
  });
});
