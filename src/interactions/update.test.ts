import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, openWorld, type World } from './testing.js';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const patient = (id: string, gender = 'male') => ({ resourceType: 'Patient', id, gender });

describe('update', () => {
  it('creates under the id of the client: 201 with Location', async () => {
    const answer = await world.ask('PUT Patient/u1', { body: patient('u1') });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe(`${BASE}/Patient/u1/_history/1`);
    expect(answer.headers.etag).toBe('W/"1"');
  });

  it('makes a new version: 200 with the new ETag', async () => {
    await world.ask('PUT Patient/u2', { body: patient('u2') });
    world.wait(2000);
    const answer = await world.ask('PUT Patient/u2', { body: patient('u2', 'female') });
    expect([answer.status, answer.headers.etag]).toEqual([200, 'W/"2"']);
    expect(answer.headers['last-modified']).toBe('Wed, 31 Jan 2024 12:00:02 GMT');
    expect(answer.json).toMatchObject({ gender: 'female', meta: { versionId: '2' } });
  });

  it('brings back what was deleted: 201', async () => {
    await world.ask('PUT Patient/u3', { body: patient('u3') });
    await world.ask('DELETE Patient/u3');
    const answer = await world.ask('PUT Patient/u3', { body: patient('u3') });
    expect([answer.status, answer.headers.etag]).toEqual([201, 'W/"3"']);
  });

  it.each([
    ['another id', patient('other')],
    ['no id', { resourceType: 'Patient' }],
  ])('refuses a body with %s', async (_what, body) => {
    const answer = await world.ask('PUT Patient/u4', { body });
    expect([answer.status, answer.json.issue[0].code]).toEqual([400, 'value']);
    expect(answer.json.issue[0].expression).toEqual(['Patient.id']);
  });

  it.each(['has%20blank', 'x'.repeat(65), 'ümlaut'])('refuses the id %s', async (id) => {
    const answer = await world.ask(`PUT Patient/${id}`, { body: patient(decodeURIComponent(id)) });
    expect(answer.status).toBe(400);
  });
});

describe('If-Match', () => {
  it('lets the version that it names be replaced', async () => {
    await world.ask('PUT Patient/m1', { body: patient('m1') });
    const answer = await world.ask('PUT Patient/m1', {
      body: patient('m1'),
      headers: { 'if-match': 'W/"1"' },
    });
    expect([answer.status, answer.headers.etag]).toEqual([200, 'W/"2"']);
  });

  it('is 412 for another version, and says which is there', async () => {
    await world.ask('PUT Patient/m2', { body: patient('m2') });
    await world.ask('PUT Patient/m2', { body: patient('m2') });
    const answer = await world.ask('PUT Patient/m2', {
      body: patient('m2'),
      headers: { 'if-match': 'W/"1"' },
    });
    expect([answer.status, answer.json.issue[0].code]).toEqual([412, 'conflict']);
    expect(answer.headers.etag).toBe('W/"2"');
  });

  it('is 412 where nothing is', async () => {
    const headers = { 'if-match': 'W/"1"' };
    expect((await world.ask('PUT Patient/m3', { body: patient('m3'), headers })).status).toBe(412);
    expect(
      (await world.ask('PUT Patient/m3', { body: patient('m3'), headers: { 'if-match': '*' } })).status,
    ).toBe(412);
  });

  it('understands lists and *', async () => {
    await world.ask('PUT Patient/m4', { body: patient('m4') });
    for (const tags of ['W/"7", W/"1"', '*']) {
      const headers = { 'if-match': tags };
      expect((await world.ask('PUT Patient/m4', { body: patient('m4'), headers })).status).toBe(200);
    }
  });

  it('lets one of many simultaneous updates through', async () => {
    await world.ask('PUT Patient/m5', { body: patient('m5') });
    const headers = { 'if-match': 'W/"1"' };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => world.ask('PUT Patient/m5', { body: patient('m5'), headers })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)]);
  });

  it('If-None-Match: * creates only', async () => {
    const headers = { 'if-none-match': '*' };
    expect((await world.ask('PUT Patient/m6', { body: patient('m6'), headers })).status).toBe(201);
    expect((await world.ask('PUT Patient/m6', { body: patient('m6'), headers })).status).toBe(412);
  });
});

describe('conditional update', () => {
  const person = (mrn: string, more: object = {}) => ({
    resourceType: 'Patient',
    identifier: [{ system: 'urn:example:mrn', value: mrn }],
    ...more,
  });
  const put = (mrn: string, more: Record<string, string> = {}, headers: Record<string, string> = {}) =>
    world.ask(`PUT Patient?identifier=urn:example:mrn%7C${mrn}`, {
      body: { ...person(mrn), ...more },
      headers,
    });

  it('creates where nothing matches, updates what matches', async () => {
    const first = await put('a');
    const second = await put('a', { gender: 'female' });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json.id).toBe(first.json.id);
    expect(second.headers.etag).toBe('W/"2"');
  });

  it('creates under the id in the body', async () => {
    const answer = await put('b', { id: 'mine' });
    expect([answer.status, answer.json.id]).toEqual([201, 'mine']);
  });

  it('is 409 where that id is taken by what does not match', async () => {
    await world.ask('PUT Patient/taken', { body: patient('taken') });
    expect((await put('c', { id: 'taken' })).status).toBe(409);
  });

  it('is 400 where the id in the body is not that of the match', async () => {
    await put('d', { id: 'd1' });
    expect((await put('d', { id: 'd2' })).status).toBe(400);
    expect((await put('d', { id: 'd1' })).status).toBe(200);
  });

  it('is 412 where several match', async () => {
    await world.ask('POST Patient', { body: person('e') });
    await world.ask('POST Patient', { body: person('e') });
    const answer = await put('e');
    expect([answer.status, answer.json.issue[0].code]).toEqual([412, 'multiple-matches']);
  });

  it('heeds If-Match', async () => {
    expect((await put('f', {}, { 'if-match': 'W/"1"' })).status).toBe(412);
    await put('f');
    expect((await put('f', {}, { 'if-match': 'W/"2"' })).status).toBe(412);
    expect((await put('f', {}, { 'if-match': 'W/"1"' })).status).toBe(200);
  });

  it('makes one resource out of many simultaneous ones', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => put('g')));
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it('needs criteria', async () => {
    expect((await world.ask('PUT Patient', { body: person('h') })).status).toBe(400);
  });
});
