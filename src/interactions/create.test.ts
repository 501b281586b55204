import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, below, openWorld, type World } from './testing.js';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const patient = (mrn: string) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:example:mrn', value: mrn }],
});

describe('create', () => {
  it('answers 201 with Location, ETag, Last-Modified and what was stored', async () => {
    const answer = await world.ask('POST Patient', { body: patient('1') });
    expect(answer.status).toBe(201);
    const { id } = answer.json;
    expect(answer.headers).toEqual({
      location: `${BASE}/Patient/${id}/_history/1`,
      etag: 'W/"1"',
      'last-modified': 'Wed, 31 Jan 2024 12:00:00 GMT',
    });
    expect((await world.ask(`GET Patient/${id}`)).text).toBe(answer.text);
  });

  it('gives its own id and meta, whatever the body says, and keeps the rest of meta', async () => {
    const body = {
      resourceType: 'Patient',
      id: 'mine',
      meta: { versionId: '17', lastUpdated: '1999-01-01T00:00:00Z', tag: [{ code: 'kept' }] },
    };
    const { json } = await world.ask('POST Patient', { body });
    expect(json.id).not.toBe('mine');
    expect(json.meta).toEqual({
      versionId: '1',
      lastUpdated: '2024-01-31T12:00:00.000Z',
      tag: [{ code: 'kept' }],
    });
  });

  it('keeps decimals as they were written', async () => {
    const body = Buffer.from(
      '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}',
    );
    const { text } = await world.ask('POST Observation', { body });
    expect(text).toContain('"value":1.00}');
  });

  it.each([
    ['return=minimal', ''],
    ['return=OperationOutcome', 'OperationOutcome'],
    ['return=representation', 'Patient'],
    ['handling=lenient; return="minimal"', ''],
    ['respond-sideways', 'Patient'],
  ])('Prefer: %s', async (prefer, type) => {
    const answer = await world.ask('POST Patient', { body: patient('2'), headers: { prefer } });
    expect(answer.status).toBe(201);
    expect(answer.headers.etag).toBe('W/"1"');
    expect(answer.json === '' ? '' : answer.json.resourceType).toBe(type);
  });

  it('lists all that is wrong at once, with where', async () => {
    const body = { resourceType: 'Patient', gendre: 'male', birthDate: 'soon' };
    const answer = await world.ask('POST Patient', { body });
    expect(answer.status).toBe(400);
    const places = answer.json.issue.flatMap((issue: { expression: string[] }) => issue.expression);
    expect(places).toEqual(expect.arrayContaining(['Patient.gendre', 'Patient.birthDate']));
    expect(answer.text).not.toContain('soon');
  });

  it('refuses a resource of another type than the URL names', async () => {
    const answer = await world.ask('POST Observation', { body: patient('3') });
    expect([answer.status, answer.json.issue[0].code]).toEqual([400, 'structure']);
  });

  it('names line and column of malformed JSON', async () => {
    const answer = await world.ask('POST Patient', { body: Buffer.from('{"resourceType":\n"Patient",}') });
    expect(answer.status).toBe(400);
    expect(answer.json.issue[0].details.text).toMatch(/line 2, column 11/);
  });

  it.each([
    ['nothing', Buffer.from('')],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['no object', Buffer.from('[]')],
    ['no resourceType', Buffer.from('{"id":"x"}')],
  ])('refuses %s', async (_what, body) => {
    expect((await world.ask('POST Patient', { body })).status).toBe(400);
  });

  it.each(['application/fhir+xml', 'text/plain', 'application/fhir+json; fhirVersion=3.0'])(
    'refuses Content-Type %s',
    async (type) => {
      const answer = await world.ask('POST Patient', {
        body: patient('4'),
        headers: { 'content-type': type },
      });
      expect(answer.status).toBe(415);
      expect(answer.json.issue[0].code).toBe('not-supported');
    },
  );

  it.each(['application/fhir+json; charset=utf-8', 'application/json', 'text/json'])(
    'takes Content-Type %s',
    async (type) => {
      const answer = await world.ask('POST Patient', {
        body: patient('5'),
        headers: { 'content-type': type },
      });
      expect(answer.status).toBe(201);
    },
  );
});

describe('conditional create', () => {
  const once = (mrn: string, header = `identifier=urn:example:mrn|${mrn}`) =>
    world.ask('POST Patient', { body: patient(mrn), headers: { 'if-none-exist': header } });

  it('creates where nothing matches, and finds it the second time', async () => {
    const first = await once('c1');
    const second = await once('c1', '?identifier=urn:example:mrn|c1');
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.headers.location).toBe(first.headers.location);
    expect(second.headers.etag).toBe('W/"1"');
    expect(second.text).toBe(first.text);
  });

  it('is 412 where several match', async () => {
    await world.ask('POST Patient', { body: patient('c2') });
    await world.ask('POST Patient', { body: patient('c2') });
    const answer = await once('c2');
    expect([answer.status, answer.json.issue[0].code]).toEqual([412, 'multiple-matches']);
  });

  it('makes one resource out of many simultaneous ones', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => once('c3')));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(new Set(answers.map(({ headers }) => headers.location)).size).toBe(1);
  });

  it.each(['', 'identifier=', 'nonsense=1', '_count=1'])('refuses If-None-Exist: "%s"', async (header) => {
    expect((await once('c4', header)).status).toBe(400);
  });

  it('validates what it does not store as well', async () => {
    await once('c5');
    const answer = await world.ask('POST Patient', {
      body: { ...patient('c5'), gender: 'unheard of' },
      headers: { 'if-none-exist': 'identifier=urn:example:mrn|c5' },
    });
    expect(answer.status).toBe(400);
  });
});

describe('references that have to be there', () => {
  it('are asked for by the setting, and each missing one is named', async () => {
    const strict = await openWorld({ checkReferences: true });
    const body = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/p' },
    };
    const refused = await strict.ask('POST Observation', { body });
    expect([refused.status, refused.json.issue[0].code]).toEqual([400, 'not-found']);
    expect(refused.json.issue[0].expression).toEqual(['Observation.subject.reference']);
    await strict.ask('PUT Patient/p', { body: { resourceType: 'Patient', id: 'p' } });
    const stored = await strict.ask('POST Observation', { body });
    expect(stored.status).toBe(201);
    expect((await strict.ask(`GET ${below(stored.headers.location ?? '')}`)).status).toBe(200);
    await strict.close();
  });
});
