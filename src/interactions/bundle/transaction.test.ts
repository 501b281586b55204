import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, openWorld, type World } from '../testing.js';
import { entry, issues, locationOf, MRN, observation, patient, send, statuses } from './testing.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const transact = (entries: Parameters<typeof send>[2], headers = {}) =>
  send(world, 'transaction', entries, headers);
const total = async (query: string) => Number((await world.ask(`GET ${query}&_summary=count`)).json.total);

describe('answers', () => {
  it('stand in the order of the entries, with status, location, etag and lastModified', async () => {
    const answer = await transact([
      entry('PUT Patient/order-1', { resource: patient('o1', { id: 'order-1' }) }),
      entry('POST Patient', { resource: patient('o2') }),
    ]);

    expect(answer.status).toBe(200);
    expect(answer.json.resourceType).toBe('Bundle');
    expect(answer.json.type).toBe('transaction-response');
    expect(answer.json.entry[0]).toEqual({
      response: {
        status: '201 Created',
        location: `${BASE}/Patient/order-1/_history/1`,
        etag: 'W/"1"',
        lastModified: '2024-01-31T12:00:00.000Z',
      },
    });
    expect(locationOf(answer, 1)).toMatch(/^Patient\/[0-9a-f-]{36}$/);
  });

  it('carry resources where they are asked for, and outcomes', async () => {
    const full = await transact([entry('POST Patient', { resource: patient('p1') })], {
      prefer: 'return=representation',
    });
    expect(full.json.entry[0].resource).toMatchObject({ resourceType: 'Patient', meta: { versionId: '1' } });

    const outcome = await transact([entry('POST Patient', { resource: patient('p2') })], {
      prefer: 'return=OperationOutcome',
    });
    expect(outcome.json.entry[0].resource).toBeUndefined();
    expect(outcome.json.entry[0].response.outcome.resourceType).toBe('OperationOutcome');
  });

  it('of an empty transaction are none', async () => {
    const answer = await transact([]);

    expect(answer.text).toBe('{"resourceType":"Bundle","type":"transaction-response"}');
  });
});

describe('the order of verbs', () => {
  it('is DELETE, POST, PUT, GET, whatever the order of the entries', async () => {
    await world.ask('PUT Patient/verbs', { body: patient('verbs', { id: 'verbs' }) });

    const answer = await transact([
      entry(`GET Patient?identifier=${MRN}|verbs`),
      entry('POST Patient', { resource: patient('verbs'), ifNoneExist: `identifier=${MRN}|verbs` }),
      entry('DELETE Patient/verbs'),
    ]);

    expect(statuses(answer)).toEqual(['200 OK', '201 Created', '204 No Content']);
    const found = answer.json.entry[0].resource.entry;
    expect(found).toHaveLength(1);
    expect(`Patient/${found[0].resource.id}`).toBe(locationOf(answer, 1));
  });

  it('lets reads see the result, and a read that finds nothing undo nothing', async () => {
    const answer = await transact([
      entry('GET Patient/nobody'),
      entry('PUT Patient/seen', { resource: patient('seen', { id: 'seen' }) }),
      entry('GET Patient/seen'),
    ]);

    expect(statuses(answer)).toEqual(['404 Not Found', '201 Created', '200 OK']);
    expect(answer.json.entry[0].response.outcome.issue[0].code).toBe('not-found');
    expect(answer.json.entry[2].resource.id).toBe('seen');
  });
});

describe('references to other entries', () => {
  const one = 'urn:uuid:0b1a2c3d-0000-4000-8000-000000000001';
  const two = 'urn:oid:1.2.3.4';

  it('become Type/id wherever a reference, uri or narrative link carries them; canonicals stay', async () => {
    const resource = observation(one, {
      text: {
        status: 'generated',
        div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${one}">x</a></div>`,
      },
      extension: [{ url: 'http://example.org/e', valueUri: two }],
      focus: [{ reference: `${one}#part` }, { reference: `${two}/_history/1` }],
      meta: { profile: [one] },
      contained: [{ resourceType: 'Basic', id: 'c', code: { text: 'x' }, subject: { reference: one } }],
      derivedFrom: [{ reference: 'urn:uuid:not-in-this-bundle' }],
    });

    const answer = await transact([
      entry('POST Observation', { resource }),
      entry('POST Patient', { fullUrl: one, resource: patient('r1') }),
      entry('POST Device', { fullUrl: two, resource: { resourceType: 'Device' } }),
    ]);

    const patientKey = locationOf(answer, 1);
    const deviceKey = locationOf(answer, 2);
    const stored = (await world.ask(`GET ${locationOf(answer, 0)}`)).json;
    expect(stored.subject.reference).toBe(patientKey);
    expect(stored.text.div).toContain(`href="${patientKey}"`);
    expect(stored.extension[0].valueUri).toBe(deviceKey);
    expect(stored.focus).toEqual([
      { reference: `${patientKey}#part` },
      { reference: `${deviceKey}/_history/1` },
    ]);
    expect(stored.contained[0].subject.reference).toBe(patientKey);
    expect(stored.meta.profile).toEqual([one]);
    expect(stored.derivedFrom).toEqual([{ reference: 'urn:uuid:not-in-this-bundle' }]);
  });

  it('may be absolute, or relative to the fullUrl of the entry that refers', async () => {
    const answer = await transact([
      entry('POST Patient', { fullUrl: 'http://elsewhere.org/fhir/Patient/77', resource: patient('abs') }),
      entry('POST Observation', {
        fullUrl: 'http://elsewhere.org/fhir/Observation/5',
        resource: observation('Patient/77', {
          focus: [{ reference: 'http://elsewhere.org/fhir/Patient/77' }],
        }),
      }),
      entry('POST Observation', { resource: observation('Patient/77') }),
    ]);

    const near = (await world.ask(`GET ${locationOf(answer, 1)}`)).json;
    const far = (await world.ask(`GET ${locationOf(answer, 2)}`)).json;
    expect(near.subject.reference).toBe(locationOf(answer, 0));
    expect(near.focus[0].reference).toBe(locationOf(answer, 0));
    expect(far.subject.reference).toBe('Patient/77');
  });

  it('lead to what a conditional create finds', async () => {
    await world.ask('PUT Patient/there', { body: patient('there', { id: 'there' }) });

    const answer = await transact([
      entry('POST Observation', { resource: observation(one) }),
      entry('POST Patient', {
        fullUrl: one,
        resource: patient('there'),
        ifNoneExist: `identifier=${MRN}|there`,
      }),
    ]);

    expect(statuses(answer)).toEqual(['201 Created', '200 OK']);
    expect(locationOf(answer, 1)).toBe('Patient/there');
    expect((await world.ask(`GET ${locationOf(answer, 0)}`)).json.subject.reference).toBe('Patient/there');
  });

  it('make the resource searchable by what they became', async () => {
    const answer = await transact([
      entry('POST Patient', { fullUrl: one, resource: patient('found-by') }),
      entry('POST Observation', { resource: observation(one) }),
    ]);

    expect(await total(`Observation?subject=${locationOf(answer, 0)}`)).toBe(1);
  });
});

describe('conditional references', () => {
  it('become the one resource that matches, in the store or in the same transaction', async () => {
    await world.ask('PUT Patient/cr-1', { body: patient('cr-1', { id: 'cr-1' }) });

    const answer = await transact([
      entry('POST Observation', { resource: observation(`Patient?identifier=${MRN}|cr-1`) }),
      entry('POST Observation', { resource: observation(`Patient?identifier=${MRN}|cr-2`) }),
      entry('POST Patient', { resource: patient('cr-2') }),
    ]);

    const subjects = await Promise.all(
      [0, 1].map(
        async (index) => (await world.ask(`GET ${locationOf(answer, index)}`)).json.subject.reference,
      ),
    );
    expect(subjects).toEqual(['Patient/cr-1', locationOf(answer, 2)]);
  });

  it('that match nothing are refused, each by its place', async () => {
    const answer = await transact([
      entry('POST Patient', { resource: patient('cr-3') }),
      entry('POST Observation', { resource: observation('Patient?identifier=urn:x|none') }),
      entry('POST Observation', { resource: observation('Patient?identifier=urn:x|nobody') }),
    ]);

    expect(answer.status).toBe(412);
    expect(issues(answer)).toEqual([
      'not-found Bundle.entry[1].resource.subject.reference',
      'not-found Bundle.entry[2].resource.subject.reference',
    ]);
    expect(await total(`Patient?identifier=${MRN}|cr-3`)).toBe(0);
  });

  it('that match several are refused', async () => {
    await transact([
      entry('POST Patient', { resource: patient('cr-4') }),
      entry('POST Patient', { resource: patient('cr-4') }),
    ]);

    const answer = await transact([
      entry('POST Observation', { resource: observation(`Patient?identifier=${MRN}|cr-4`) }),
    ]);

    expect(answer.status).toBe(412);
    expect(issues(answer)).toEqual(['multiple-matches Bundle.entry[0].resource.subject.reference']);
  });

  it('that cannot be understood are refused', async () => {
    const answer = await transact([
      entry('POST Observation', { resource: observation('Patient?shoesize=44') }),
      entry('POST Observation', { resource: observation('Patent?identifier=1') }),
    ]);

    expect(answer.status).toBe(400);
    expect(answer.json.issue).toHaveLength(2);
    expect(issues(answer)[0]).toContain('Bundle.entry[0]');
    expect(issues(answer)[1]).toContain('Bundle.entry[1]');
  });
});

describe('conditional interactions', () => {
  it('share one resource where entries have the same If-None-Exist', async () => {
    const same = { resource: patient('twice'), ifNoneExist: `identifier=${MRN}|twice` };

    const answer = await transact([entry('POST Patient', same), entry('POST Patient', same)]);

    expect(statuses(answer)).toEqual(['201 Created', '200 OK']);
    expect(locationOf(answer, 1)).toBe(locationOf(answer, 0));
    expect(await total(`Patient?identifier=${MRN}|twice`)).toBe(1);
  });

  it('make one resource of simultaneous transactions', async () => {
    const entries = [
      entry('POST Patient', { resource: patient('race'), ifNoneExist: `identifier=${MRN}|race` }),
    ];

    const answers = await Promise.all(Array.from({ length: 8 }, () => transact(entries)));

    expect(new Set(answers.map((answer) => locationOf(answer, 0))).size).toBe(1);
    expect(await total(`Patient?identifier=${MRN}|race`)).toBe(1);
  });

  it('update, patch and delete what matches', async () => {
    for (const id of ['ci-1', 'ci-2', 'ci-3']) {
      await world.ask(`PUT Patient/${id}`, { body: patient(id, { id }) });
    }
    const patch = {
      resourceType: 'Parameters',
      parameter: [
        {
          name: 'operation',
          part: [
            { name: 'type', valueCode: 'add' },
            { name: 'path', valueString: 'Patient' },
            { name: 'name', valueString: 'active' },
            { name: 'value', valueBoolean: true },
          ],
        },
      ],
    };

    const answer = await transact([
      entry(`PUT Patient?identifier=${MRN}|ci-1`, { resource: patient('ci-1', { gender: 'female' }) }),
      entry(`PATCH Patient?identifier=${MRN}|ci-2`, { resource: patch }),
      entry(`DELETE Patient?identifier=${MRN}|ci-3`),
      entry(`PUT Patient?identifier=${MRN}|ci-4`, { resource: patient('ci-4') }),
    ]);

    expect(statuses(answer)).toEqual(['200 OK', '200 OK', '204 No Content', '201 Created']);
    expect((await world.ask('GET Patient/ci-1')).json.gender).toBe('female');
    expect((await world.ask('GET Patient/ci-2')).json.active).toBe(true);
    expect((await world.ask('GET Patient/ci-3')).status).toBe(410);
    expect(await total(`Patient?identifier=${MRN}|ci-4`)).toBe(1);
  });

  it('patch by JSON Patch in a Binary', async () => {
    await world.ask('PUT Patient/jp', { body: patient('jp', { id: 'jp' }) });
    const operations = '[{"op":"add","path":"/active","value":true}]';

    const answer = await transact([
      entry('PATCH Patient/jp', {
        resource: {
          resourceType: 'Binary',
          contentType: 'application/json-patch+json',
          data: Buffer.from(operations).toString('base64'),
        },
      }),
    ]);

    expect(statuses(answer)).toEqual(['200 OK']);
    expect((await world.ask('GET Patient/jp')).json.active).toBe(true);
  });

  it.each([
    [
      'an If-Match that names another version',
      entry('PUT Patient/if', { resource: patient('if', { id: 'if' }), ifMatch: 'W/"7"' }),
    ],
    [
      'If-None-Match: * on what is there',
      entry('PUT Patient/if', { resource: patient('if', { id: 'if' }), ifNoneMatch: '*' }),
    ],
    ['a delete of another version', entry('DELETE Patient/if', { ifMatch: 'W/"7"' })],
    [
      'If-Match where nothing matches',
      entry(`PUT Patient?identifier=${MRN}|if-0`, { resource: patient('x'), ifMatch: 'W/"1"' }),
    ],
  ])('refuse the whole for %s', async (_what, guarded) => {
    await world.ask('PUT Patient/if', { body: patient('if', { id: 'if' }) });

    const answer = await transact([entry('POST Patient', { resource: patient('if-other') }), guarded]);

    expect(answer.status).toBe(412);
    expect(issues(answer)[0]).toContain('Bundle.entry[1]');
    expect(await total(`Patient?identifier=${MRN}|if-other`)).toBe(0);
  });

  it('refuse criteria that several meet', async () => {
    await transact([
      entry('POST Patient', { resource: patient('sev') }),
      entry('POST Patient', { resource: patient('sev') }),
    ]);
    const criteria = `identifier=${MRN}|sev`;

    for (const each of [
      entry('POST Patient', { resource: patient('sev'), ifNoneExist: criteria }),
      entry(`PUT Patient?${criteria}`, { resource: patient('sev') }),
      entry(`DELETE Patient?${criteria}`),
    ]) {
      const answer = await transact([each]);
      expect(answer.status).toBe(412);
      expect(issues(answer)).toEqual(['multiple-matches Bundle.entry[0]']);
    }
  });
});

describe('what is refused', () => {
  it('names everything that is wrong with any entry at once, and stores nothing', async () => {
    const answer = await transact([
      entry('POST Patient', { resource: patient('bad-0') }),
      entry('POST Patient', { resource: patient('bad-1', { gendre: 'female' }) }),
      entry('PUT Patient/a', { resource: patient('bad-2', { id: 'b' }) }),
      entry('POST Observation', { resource: patient('bad-3') }),
      entry('POST Patient'),
      { fullUrl: 'urn:uuid:x', resource: patient('bad-5') },
      entry('POST Patient/_search'),
      entry('FETCH Patient/1'),
      entry('DELETE Patent/1'),
    ]);

    expect(answer.status).toBe(400);
    const places = issues(answer).map((issue) => /Bundle\.entry\[(\d)\]/.exec(issue)?.[1]);
    expect([...new Set(places)].sort()).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
    expect(issues(answer)).toContainEqual(expect.stringContaining('Bundle.entry[1].resource.gendre'));
    expect(await total(`Patient?identifier=${MRN}|bad-0`)).toBe(0);
  });

  it.each([
    [
      'updated twice',
      [
        entry('PUT Patient/d', { resource: patient('d', { id: 'd' }) }),
        entry('PUT Patient/d', { resource: patient('d', { id: 'd' }) }),
      ],
    ],
    [
      'updated and deleted',
      [entry('PUT Patient/d', { resource: patient('d', { id: 'd' }) }), entry('DELETE Patient/d')],
    ],
    [
      'made twice by criteria',
      [
        entry(`PUT Patient?identifier=${MRN}|dd`, { resource: patient('dd') }),
        entry(`PUT Patient?identifier=${MRN}|dd`, { resource: patient('dd') }),
      ],
    ],
  ])('is a resource %s', async (_what, entries) => {
    const answer = await transact(entries);

    expect(answer.status).toBe(400);
    expect(answer.json.issue[0].code).toBe('duplicate');
  });

  it('is a fullUrl that stands twice', async () => {
    const fullUrl = 'urn:uuid:0b1a2c3d-0000-4000-8000-000000000009';

    const answer = await transact([
      entry('POST Patient', { fullUrl, resource: patient('f1') }),
      entry('POST Patient', { fullUrl, resource: patient('f2') }),
    ]);

    expect(answer.status).toBe(400);
    expect(issues(answer)).toEqual(['duplicate Bundle.entry[1].fullUrl']);
  });

  it('is a reference to nothing, where the setting asks for integrity', async () => {
    const strict = await openWorld({ checkReferences: true });
    try {
      const one = 'urn:uuid:0b1a2c3d-0000-4000-8000-00000000000a';
      const good = await send(strict, 'transaction', [
        entry('POST Patient', { fullUrl: one, resource: patient('s1') }),
        entry('POST Observation', { resource: observation(one) }),
      ]);
      const bad = await send(strict, 'transaction', [
        entry('POST Observation', { resource: observation('Patient/nobody') }),
      ]);

      expect(good.status).toBe(200);
      expect(bad.status).toBe(400);
      expect(issues(bad)).toEqual(['not-found Bundle.entry[0].resource.subject.reference']);
    } finally {
      await strict.close();
    }
  });
});
