import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, type World } from './testing.js';

let world: World;
let count = 0;
let id: string;

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  count += 1;
  id = `p${count}`;
  const identifier = [{ system: 'urn:example:mrn', value: id }];
  await world.ask(`PUT Patient/${id}`, {
    body: { resourceType: 'Patient', id, identifier, active: true, gender: 'male' },
  });
});

const setGender = (value: string) => [{ op: 'replace', path: '/gender', value }];

function parameters(operation: string, path: string, value: object) {
  const part = [
    { name: 'type', valueCode: operation },
    { name: 'path', valueString: path },
    { name: 'value', ...value },
  ];
  return { resourceType: 'Parameters', parameter: [{ name: 'operation', part }] };
}

describe('patch', () => {
  it('by JSON Patch makes a new version', async () => {
    const answer = await world.ask(`PATCH Patient/${id}`, { body: setGender('female'), headers: JSON_PATCH });
    expect([answer.status, answer.headers.etag]).toEqual([200, 'W/"2"']);
    expect(answer.json).toMatchObject({ id, active: true, gender: 'female' });
  });

  it('by FHIRPath Patch as well', async () => {
    const answer = await world.ask(`PATCH Patient/${id}`, {
      body: parameters('replace', 'Patient.gender', { valueCode: 'other' }),
      headers: { 'content-type': 'application/fhir+json' },
    });
    expect([answer.status, answer.json.gender]).toEqual([200, 'other']);
  });

  it('is 404 for what never existed, 410 for what was deleted', async () => {
    const ask = { body: setGender('female'), headers: JSON_PATCH };
    expect((await world.ask('PATCH Patient/nobody', ask)).status).toBe(404);
    await world.ask(`DELETE Patient/${id}`);
    expect((await world.ask(`PATCH Patient/${id}`, ask)).status).toBe(410);
  });

  it('is 422 where the result would not be valid', async () => {
    const answer = await world.ask(`PATCH Patient/${id}`, {
      body: setGender('unheard of'),
      headers: JSON_PATCH,
    });
    expect(answer.status).toBe(422);
    expect(answer.json.issue[0].expression).toEqual(['Patient.gender']);
    expect((await world.ask(`GET Patient/${id}`)).json.gender).toBe('male');
  });

  it('is 422 where a test fails, and nothing is changed', async () => {
    const body = [...setGender('female'), { op: 'test', path: '/active', value: false }];
    expect((await world.ask(`PATCH Patient/${id}`, { body, headers: JSON_PATCH })).status).toBe(422);
    expect((await world.ask(`GET Patient/${id}`)).headers.etag).toBe('W/"1"');
  });

  it.each([
    ['no list of operations', { op: 'replace' }],
    ['an unknown operation', [{ op: 'improve', path: '/gender' }]],
    ['a change of the id', [{ op: 'replace', path: '/id', value: 'other' }]],
  ])('is 400 for %s', async (_what, body) => {
    expect((await world.ask(`PATCH Patient/${id}`, { body, headers: JSON_PATCH })).status).toBe(400);
  });

  it('is 415 for other patches, and says which there are', async () => {
    const headers = { 'content-type': 'application/xml-patch+xml' };
    const answer = await world.ask(`PATCH Patient/${id}`, { body: '<diff/>', headers });
    expect(answer.status).toBe(415);
    expect(answer.json.issue[0].details.text).toContain('application/json-patch+json');
  });

  it('is 400 for FHIR JSON that is no Parameters resource', async () => {
    const body = { resourceType: 'Patient', id };
    expect((await world.ask(`PATCH Patient/${id}`, { body })).status).toBe(400);
  });

  it('heeds If-Match', async () => {
    const ask = (tag: string) => ({ body: setGender('female'), headers: { ...JSON_PATCH, 'if-match': tag } });
    expect((await world.ask(`PATCH Patient/${id}`, ask('W/"2"'))).status).toBe(412);
    expect((await world.ask(`PATCH Patient/${id}`, ask('W/"1"'))).status).toBe(200);
  });

  it('loses none of many simultaneous ones', async () => {
    const given = (index: number) => [
      { op: 'add', path: '/identifier/-', value: { system: 'urn:example:n', value: `${index}` } },
    ];
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        world.ask(`PATCH Patient/${id}`, { body: given(index), headers: JSON_PATCH }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
    expect((await world.ask(`GET Patient/${id}`)).json.identifier).toHaveLength(13);
  });
});

describe('conditional patch', () => {
  const ask = (criteria: string) =>
    world.ask(`PATCH Patient${criteria}`, { body: setGender('female'), headers: JSON_PATCH });

  it('patches the one that matches', async () => {
    const answer = await ask(`?identifier=urn:example:mrn%7C${id}`);
    expect([answer.status, answer.json.id, answer.json.gender]).toEqual([200, id, 'female']);
  });

  it('is 404 where nothing matches, 412 where several do, 400 without criteria', async () => {
    expect((await ask('?identifier=urn:example:mrn%7Cnobody')).status).toBe(404);
    expect((await ask('?active=true')).status).toBe(412);
    expect((await ask('')).status).toBe(400);
  });
});
