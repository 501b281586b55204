/** What the audit log says of requests, and the AuditEvents that are made of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccessDecision, permitting } from '../../ports/access-filter.js';
import type { AuditRecord } from '../../ports/audit-log.js';
import { type Answer, openWorld, START, type World } from '../testing.js';
import { askOfAudit } from './testing.js';

const CLINICIAN: AccessDecision = {
  principal: 'user:ann client:chart',
  agent: { client: 'chart', user: 'Practitioner/ann', scope: 'user/*.cruds launch' },
  ...permitting({ kind: 'unrestricted', reason: 'test' }),
};

const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: 'Secret' }] });
const observation = (id: string, subject: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'weight' },
  subject: { reference: subject },
});

describe('the audit log', () => {
  let bare: World;
  let world: World;
  let told = 0;

  beforeAll(async () => {
    bare = await openWorld({}, { audited: true });
  });
  afterAll(() => bare.close());

  beforeEach(async () => {
    world = bare.as(CLINICIAN);
    for (const id of ['1', '2', '3']) await world.ask(`PUT Patient/${id}`, { body: patient(id) });
    await world.ask('PUT Observation/a', { body: observation('a', 'Patient/1') });
    await world.ask('PUT Observation/b', { body: observation('b', 'http://fairway.test/fhir/Patient/2') });
    await world.ask('PUT Observation/c', { body: observation('c', 'http://elsewhere.test/fhir/Patient/3') });
    told = (await records()).length;
  });
  async function records(): Promise<readonly AuditRecord[]> {
    await world.audit.flush();
    return (await world.audit.read(0, 1_000)).flatMap((batch) => batch.records);
  }

  /** What was recorded of one request. */
  async function of(line: string, body?: Parameters<World['ask']>[1]): Promise<readonly AuditRecord[]> {
    await world.ask(line, body);
    const all = await records();
    const fresh = all.slice(told);
    told = all.length;
    return fresh;
  }

  it('says who read what of whom, with which scope, from where', async () => {
    expect(await of('GET Observation/a')).toEqual([
      {
        time: START,
        requestId: 'test-request',
        interaction: 'read',
        outcome: 'success',
        status: 200,
        principal: 'user:ann client:chart',
        client: 'chart',
        user: 'Practitioner/ann',
        scope: 'user/*.cruds launch',
        network: '192.0.2.7',
        type: 'Observation',
        id: 'a',
        patients: ['1'],
      },
    ]);
  });

  it.each([
    ['GET Patient/1', { interaction: 'read', patients: ['1'] }],
    ['GET Patient/1/_history/1', { interaction: 'vread', patients: ['1'] }],
    ['GET Observation/b', { interaction: 'read', patients: ['2'] }],
    [
      'GET Observation?_id=a,b&_sort=_id',
      { interaction: 'search-type', query: '_id=a%2Cb&_sort=_id', patients: ['1', '2'] },
    ],
    ['GET Observation?_elements=status&_id=a', { interaction: 'search-type', patients: ['1'] }],
    ['GET Observation?_id=a&_include=*', { interaction: 'search-type', patients: ['1'] }],
    ['GET Condition?patient=3', { interaction: 'search-type', type: 'Condition', patients: ['3'] }],
    ['GET Condition?subject:Patient=3', { interaction: 'search-type', patients: ['3'] }],
    [
      'GET Patient/1/Observation',
      { interaction: 'search-compartment', type: 'Patient', id: '1', patients: ['1'] },
    ],
    ['GET Patient/1/_history', { interaction: 'history-instance', patients: ['1'] }],
    ['GET _history?_count=2', { interaction: 'history-system', query: '_count=2', patients: ['2'] }],
    ['GET Patient/1/$everything', { interaction: '$everything', patients: ['1'] }],
    ['POST Observation', { interaction: 'create', type: 'Observation', outcome: 'success', patients: ['1'] }],
    ['PUT Observation/a', { interaction: 'update', type: 'Observation', id: 'a', patients: ['1'] }],
    ['DELETE Observation/a', { interaction: 'delete', type: 'Observation', id: 'a', patients: ['1'] }],
    ['GET Patient/nobody', { outcome: 'refused', status: 404, type: 'Patient', patients: ['nobody'] }],
    ['GET Nothing/1', { outcome: 'refused', status: 404, interaction: 'none' }],
    ['GET Patient?unknown=Secret', { outcome: 'refused', status: 400, query: 'unknown=Secret' }],
    ['DELETE Patient/1/_history/1', { outcome: 'refused', status: 405, interaction: 'none' }],
    ['DELETE Condition/none', { interaction: 'delete', outcome: 'success' }],
  ])('has one record of %s', async (line, wanted) => {
    const body = /^(POST|PUT)/.test(line) ? { body: observation('a', 'Patient/1') } : undefined;

    const told = await of(line, body);

    expect(told).toEqual([expect.objectContaining(wanted)]);
  });

  it('names nobody for what is of a patient elsewhere', async () => {
    const [record] = await of('GET Observation/c');

    expect([record?.interaction, record?.patients]).toEqual(['read', undefined]);
  });

  it('names both patients when a resource goes from one to the other', async () => {
    const [record] = await of('PUT Observation/a', { body: observation('a', 'Patient/2') });

    expect(record?.patients).toEqual(['2', '1']);
  });

  it('has a record for each entry of a batch, and none for the bundle', async () => {
    const bundle = {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { request: { method: 'GET', url: 'Patient/1' } },
        { request: { method: 'GET', url: 'Patient/nobody' } },
        { request: { method: 'DELETE', url: 'Observation/b' } },
      ],
    };

    const told = await of('POST ', { body: bundle });

    expect(told.map(({ interaction, outcome, type, id }) => [interaction, outcome, type, id]).sort()).toEqual(
      [
        ['delete', 'success', 'Observation', 'b'],
        ['read', 'refused', 'Patient', 'nobody'],
        ['read', 'success', 'Patient', '1'],
      ],
    );
  });

  it('has a record for each write of a transaction, or one that it was refused', async () => {
    const entry = (id: string, version?: string) => ({
      resource: observation(id, 'Patient/3'),
      request: {
        method: 'PUT',
        url: `Observation/${id}`,
        ...(version === undefined ? {} : { ifMatch: version }),
      },
    });
    const transaction = (...entries: object[]) => ({
      body: { resourceType: 'Bundle', type: 'transaction', entry: entries } as never,
    });

    const done = await of('POST ', transaction(entry('x'), entry('y')));
    const refused = await of('POST ', transaction(entry('z'), entry('a', 'W/"9"')));

    expect(done.map(({ interaction, id, patients }) => [interaction, id, patients])).toEqual([
      ['update', 'x', ['3']],
      ['update', 'y', ['3']],
    ]);
    expect(refused).toEqual([
      expect.objectContaining({ interaction: 'bundle', outcome: 'refused', status: 412 }),
    ]);
  });

  it('lists so many patients and says that there were more', async () => {
    const entry = Array.from({ length: 120 }, (_, at) => ({
      resource: patient(`p${at}`),
      request: { method: 'PUT', url: `Patient/p${at}` },
    }));
    await of('POST ', { body: { resourceType: 'Bundle', type: 'transaction', entry } });

    const [record] = await of('GET Patient?_count=200');

    expect(record).toMatchObject({ morePatients: true });
    expect(record?.patients).toHaveLength(100);
  });

  it('says why the glass was broken', async () => {
    world = bare.as({ ...CLINICIAN, agent: { client: 'chart', emergency: 'unconscious' } });

    await world.ask('GET Patient/1');

    // Durable with the answer: nothing was flushed.
    const all = (await world.audit.read(0, 1_000)).flatMap((batch) => batch.records);
    expect(all.at(-1)).toMatchObject({ interaction: 'read', emergency: 'unconscious' });
  });

  it('has refusals and writes before their answers, without a flush', async () => {
    await world.ask('GET Patient/nobody');
    await world.ask('DELETE Patient/1');

    const all = (await world.audit.read(0, 1_000)).flatMap((batch) => batch.records);
    expect(all.slice(-2)).toMatchObject([{ outcome: 'refused' }, { interaction: 'delete' }]);
  });
});

describe('audit events', () => {
  let bare: World;
  let world: World;

  beforeAll(async () => {
    bare = await openWorld({}, { audited: true });
    world = bare.as(CLINICIAN);
    await world.ask('PUT Patient/1', { body: patient('1') });
    await world.ask('PUT Observation/a', { body: observation('a', 'Patient/1') });
    await world.ask('GET Observation?patient=1&code:text=weight');
    await world.ask('GET Observation/a');
    await world.ask('GET Patient/2');
  });
  afterAll(() => bare.close());

  async function search(query: string): Promise<Answer['json'][]> {
    const answer = await askOfAudit(world, `GET AuditEvent?${query}`);
    expect(answer.status).toBe(200);
    return (answer.json.entry ?? []).map(({ resource }: Answer['json']) => resource);
  }

  it('are found by patient, newest first, at once', async () => {
    const found = await search('patient=1&_sort=-date&entity=Observation/a');

    expect(found.map(({ action }: Answer['json']) => action).sort()).toEqual(['R', 'U']);
  });

  it('have who, whom, what, when, from where and by which right', async () => {
    const [event] = await search('patient=1&subtype=search-type&agent=Practitioner/ann');

    expect(event).toMatchObject({
      resourceType: 'AuditEvent',
      type: { code: 'rest' },
      subtype: [{ code: 'search' }, { code: 'search-type' }],
      action: 'E',
      recorded: '2024-01-31T12:00:00.000Z',
      outcome: '0',
      agent: [
        {
          type: { coding: [{ code: '110153' }] },
          who: { identifier: { value: 'chart' } },
          requestor: false,
          network: { address: '192.0.2.7', type: '2' },
        },
        { type: { coding: [{ code: '110152' }] }, requestor: false },
        {
          type: { coding: [{ code: 'IRCP' }] },
          who: { reference: 'Practitioner/ann' },
          requestor: true,
          policy: ['user/*.cruds', 'launch'],
        },
      ],
      entity: [
        { role: { code: '24' }, description: 'Observation by patient, code:text' },
        { role: { code: '1' }, what: { reference: 'Patient/1' } },
        { what: { identifier: { value: 'test-request' } } },
      ],
    });
    const { query } = event.entity[0];
    expect(Buffer.from(query, 'base64').toString()).toBe('Observation?patient=1&code%3Atext=weight');
  });

  it('tell of refusals', async () => {
    const [event] = await search('patient=2');

    expect(event).toMatchObject({ outcome: '4', outcomeDesc: 'HTTP status 404' });
  });

  it('are valid', async () => {
    for (const event of await search('_count=100')) {
      expect(bare.context.knowledge.validate(event)).toEqual([]);
    }
  });

  it('are of the requests, and their being read is one more', async () => {
    const before = await search('_count=100');
    const after = await search('_count=100');

    expect(after.length).toBe(before.length + 1);
  });

  it.each([
    ['POST AuditEvent', 405],
    ['PUT AuditEvent/mine', 405],
    ['DELETE AuditEvent/ID', 405],
    ['PATCH AuditEvent/ID', 405],
  ])('are not written by clients: %s', async (line, status) => {
    const [event] = await search('patient=2');
    const { id, ...others } = event;
    const body = line.startsWith('PATCH')
      ? [{ op: 'replace', path: '/action', value: 'C' }]
      : line.startsWith('PUT')
        ? { ...others, id: 'mine' }
        : others;

    const answer = await world.ask(line.replace('ID', id), {
      body,
      headers: line.startsWith('PATCH') ? { 'content-type': 'application/json-patch+json' } : {},
    });

    expect([answer.status, answer.headers.allow]).toEqual([status, 'GET, HEAD']);
    expect(answer.json.issue[0].details.text).toContain('AuditEvents');
    expect((await world.ask(`GET AuditEvent/${id}`)).json.meta.versionId).toBe('1');
  });

  it('are declared as something to read', async () => {
    const { rest } = (await world.ask('GET metadata')).json;
    const [{ interaction, ...statement }] = rest[0].resource.filter(
      ({ type }: Answer['json']) => type === 'AuditEvent',
    );

    expect(interaction.map(({ code }: Answer['json']) => code)).toEqual([
      'read',
      'vread',
      'history-instance',
      'history-type',
      'search-type',
    ]);
    expect(statement).not.toHaveProperty('conditionalCreate');
  });

  it.each(['?', 'Patient/1/*?', '_history?', 'Patient/1/$everything?', 'Patient?_revinclude=*&'])(
    'are passed over by wildcards: GET %s',
    async (path) => {
      await search('patient=1');

      const answer = await world.ask(`GET ${path}_count=1000`);

      const types = answer.json.entry.map(({ resource }: Answer['json']) => resource.resourceType);
      expect(types).toContain('Patient');
      expect(types).not.toContain('AuditEvent');
    },
  );

  it.each([
    '?_type=AuditEvent',
    'Patient/1/AuditEvent',
    'Patient/1/*?_type=AuditEvent',
    'AuditEvent/_history',
    'Patient/1/$everything?_type=AuditEvent',
    'Patient/1/AuditEvent?subtype=read',
  ])('are found where they are named: GET %s', async (path) => {
    await search('patient=1');

    const answer = await world.ask(`GET ${path}`);

    const types = answer.json.entry.map(({ resource }: Answer['json']) => resource.resourceType);
    expect(new Set(types)).toEqual(new Set(['AuditEvent']));
  });
});
