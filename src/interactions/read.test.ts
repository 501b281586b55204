import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from './testing.js';

let world: World;
let url: string;

const PATIENT = {
  resourceType: 'Patient',
  id: 'p1',
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">A patient</div>' },
  active: true,
  name: [{ family: 'Example', given: ['Ada'] }],
  gender: 'female',
  maritalStatus: { text: 'single' },
} as const;

const plain = (value: object) => JSON.parse(JSON.stringify(value));

beforeAll(async () => {
  world = await openWorld();
  await world.ask('PUT Patient/p1', { body: plain(PATIENT) });
  url = 'Patient/p1';
});
afterAll(() => world.close());

describe('read', () => {
  it('sends the resource with its version and time', async () => {
    const answer = await world.ask(`GET ${url}`);
    expect(answer.status).toBe(200);
    expect(answer.headers).toEqual({ etag: 'W/"1"', 'last-modified': 'Wed, 31 Jan 2024 12:00:00 GMT' });
    expect(answer.json).toEqual({
      ...PATIENT,
      meta: { versionId: '1', lastUpdated: '2024-01-31T12:00:00.000Z' },
    });
  });

  it('is 404 for what never existed', async () => {
    const answer = await world.ask('GET Patient/nobody');
    expect(answer.status).toBe(404);
    expect(answer.json.issue[0]).toMatchObject({ severity: 'error', code: 'not-found' });
  });

  it('is 410 for what was deleted, with the version that deleted it', async () => {
    await world.ask('PUT Patient/gone', { body: plain({ resourceType: 'Patient', id: 'gone' }) });
    await world.ask('DELETE Patient/gone');
    const answer = await world.ask('GET Patient/gone');
    expect(answer.status).toBe(410);
    expect(answer.headers.etag).toBe('W/"2"');
    expect(answer.headers.location).toBe('http://fairway.test/fhir/Patient/gone/_history/2');
    expect(answer.json.issue[0].code).toBe('deleted');
  });

  it('names the nearest type when the type is unknown', async () => {
    const answer = await world.ask('GET Pateint/1');
    expect(answer.status).toBe(404);
    expect(answer.json.issue[0]).toMatchObject({ code: 'not-supported' });
    expect(answer.json.issue[0].details.text).toContain('Patient');
  });

  it('prints it for people with _pretty=true', async () => {
    const answer = await world.ask(`GET ${url}?_pretty=true`);
    expect(answer.text).toContain('\n  "id": "p1"');
    expect(answer.json.name).toEqual(PATIENT.name);
  });
});

describe('conditional read', () => {
  it.each([
    ['if-none-match', 'W/"1"'],
    ['if-none-match', '"7", "1"'],
    ['if-none-match', '*'],
    ['if-modified-since', 'Wed, 31 Jan 2024 12:00:00 GMT'],
    ['if-modified-since', 'Thu, 01 Feb 2024 12:00:00 GMT'],
  ])('is 304 when %s: %s finds nothing newer', async (name, value) => {
    const answer = await world.ask(`GET ${url}`, { headers: { [name]: value } });
    expect(answer.status).toBe(304);
    expect(answer.headers.etag).toBe('W/"1"');
    expect(answer.text).toBe('');
  });

  it.each([
    ['if-none-match', 'W/"2"'],
    ['if-modified-since', 'Tue, 30 Jan 2024 12:00:00 GMT'],
    ['if-modified-since', 'yesterday'],
  ])('is 200 when %s: %s finds a newer one, or is no date', async (name, value) => {
    expect((await world.ask(`GET ${url}`, { headers: { [name]: value } })).status).toBe(200);
  });

  it('looks at If-None-Match alone where both are sent', async () => {
    const headers = { 'if-none-match': 'W/"2"', 'if-modified-since': 'Thu, 01 Feb 2024 12:00:00 GMT' };
    expect((await world.ask(`GET ${url}`, { headers })).status).toBe(200);
  });
});

describe('vread', () => {
  it('sends the version asked for, also when a later one is there', async () => {
    await world.ask('PUT Patient/v', { body: plain({ resourceType: 'Patient', id: 'v', gender: 'male' }) });
    await world.ask('PUT Patient/v', { body: plain({ resourceType: 'Patient', id: 'v', gender: 'other' }) });
    const first = await world.ask('GET Patient/v/_history/1');
    expect([first.status, first.headers.etag, first.json.gender]).toEqual([200, 'W/"1"', 'male']);
    expect((await world.ask('GET Patient/v/_history/2')).json.gender).toBe('other');
  });

  it('is 404 for a version that there never was', async () => {
    expect((await world.ask(`GET ${url}/_history/9`)).status).toBe(404);
    expect((await world.ask(`GET ${url}/_history/x`)).status).toBe(404);
  });

  it('is 410 for the version that deleted it, and 200 for the one before', async () => {
    await world.ask('PUT Patient/w', { body: plain({ resourceType: 'Patient', id: 'w' }) });
    await world.ask('DELETE Patient/w');
    expect((await world.ask('GET Patient/w/_history/2')).status).toBe(410);
    expect((await world.ask('GET Patient/w/_history/1')).status).toBe(200);
  });
});

describe('_summary and _elements of a read', () => {
  it('_summary=text keeps the narrative and says that it was cut', async () => {
    const { json } = await world.ask(`GET ${url}?_summary=text`);
    expect(json.text).toBeDefined();
    expect(json.name).toBeUndefined();
    expect(json.meta.tag[0].code).toBe('SUBSETTED');
  });

  it('_summary=data leaves the narrative out', async () => {
    const { json } = await world.ask(`GET ${url}?_summary=data`);
    expect(json.text).toBeUndefined();
    expect(json.name).toEqual(PATIENT.name);
  });

  it('_summary=true keeps the summary elements', async () => {
    const { json } = await world.ask(`GET ${url}?_summary=true`);
    expect(json.name).toEqual(PATIENT.name);
    expect(json.maritalStatus).toBeUndefined();
  });

  it('_elements keeps what is named, and what modifies the meaning of the rest', async () => {
    const { json } = await world.ask(`GET ${url}?_elements=gender`);
    expect(Object.keys(json).sort()).toEqual(['active', 'gender', 'id', 'meta', 'resourceType']);
  });

  it('refuses a _summary that one resource cannot have', async () => {
    expect((await world.ask(`GET ${url}?_summary=count`)).status).toBe(400);
  });
});
