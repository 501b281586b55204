/** What the holder of a grant is answered: 403 with the scope that is missing, 404 for what is hidden as for what is not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessOf } from '../access/grant-access.js';
import { DEFAULT_POLICIES } from '../access/policies.js';
import type { JsonObject } from '../fhir/format/json.js';
import { parseScopes } from '../smart/scope.js';
import { type Ask, BASE, openWorld, START, type World } from './testing.js';

const PATCH = { 'content-type': 'application/json-patch+json' };
const patch = [{ op: 'add', path: '/language', value: 'en' }];

let world: World;

beforeAll(async () => {
  world = await openWorld();
  for (const id of ['mine', 'theirs']) {
    await world.ask(`PUT Patient/${id}`, { body: { resourceType: 'Patient', id } });
    await world.ask(`PUT Observation/${id}`, { body: observation(id, id) });
  }
});
afterAll(() => world.close());

function observation(id: string, patient: string): JsonObject {
  const subject = { reference: `Patient/${patient}` };
  return { resourceType: 'Observation', id, status: 'final', code: { text: 'pulse' }, subject };
}

function holder(scopes: string): World {
  const { definitions } = world.context.knowledge;
  const { resources } = parseScopes(scopes);
  const grant = {
    principal: 'client:app',
    clientId: 'app',
    scopes: resources,
    patient: 'mine',
    expires: START + 1,
  };
  return world.as(accessOf(grant, { definitions, baseUrl: BASE, now: START }, DEFAULT_POLICIES));
}

async function asked(scopes: string, line: string, ask?: Ask): Promise<readonly [number, string]> {
  const { status, text } = await holder(scopes).ask(line, ask);
  return [status, text];
}

const update = { body: observation('mine', 'mine') };

describe('what is not granted at all', () => {
  it.each([
    ['patient/Condition.cruds', 'GET Observation/mine', {}, 'Observation.r'],
    ['patient/Observation.s', 'GET Observation/mine', {}, 'Observation.r'],
    ['patient/Observation.s', 'GET Observation/mine/_history/1', {}, 'Observation.r'],
    ['patient/Observation.s', 'GET Observation/mine/_history', {}, 'Observation.r'],
    ['patient/Observation.s', 'GET Observation/mine/$meta', {}, 'Observation.r'],
    ['patient/Observation.r', 'GET Observation', {}, 'Observation.s'],
    ['patient/Observation.r', 'GET Observation/_history', {}, 'Observation.s'],
    ['patient/Observation.r', 'GET Patient/mine/Observation', {}, 'Observation.s'],
    ['patient/Observation.r', 'GET Observation/$lastn?patient=mine', {}, 'Observation.s'],
    ['patient/Observation.rs', 'GET ?_type=Observation,Condition', {}, 'Condition.s'],
    ['patient/Observation.r', 'GET ?_id=mine', {}, '*.s'],
    ['patient/Observation.rs', 'POST Observation', update, 'Observation.c'],
    [
      'patient/Observation.c',
      'POST Observation',
      { ...update, headers: { 'if-none-exist': '_id=x' } },
      'Observation.s',
    ],
    ['patient/Observation.rs', 'PUT Observation/mine', update, 'Observation.u or .c'],
    ['patient/Observation.u', 'PUT Observation?_id=mine', update, 'Observation.s'],
    ['patient/Observation.rs', 'PATCH Observation/mine', { headers: PATCH, body: patch }, 'Observation.u'],
    ['patient/Observation.u', 'PATCH Observation/mine', { headers: PATCH, body: patch }, 'Observation.r'],
    ['patient/Observation.rsu', 'DELETE Observation/mine', {}, 'Observation.d'],
    ['patient/Observation.d', 'DELETE Observation?_id=mine', {}, 'Observation.s'],
    ['patient/Observation.rs', 'GET Patient/mine/$everything', {}, 'Patient.r'],
    ['patient/Observation.rs', 'GET Patient/mine/$graphql?query={id}', {}, 'Patient.r'],
  ])('with %s, %s is 403 and names %s', async (scopes, line, ask, needed) => {
    const [status, text] = await asked(scopes, line, ask as Ask);

    expect([status, text]).toEqual([403, expect.stringContaining(`a scope for ${needed.split(':')[0]}`)]);
    expect(text).toContain('"code":"forbidden"');
  });

  it('is named in the challenge', async () => {
    const { headers } = await holder('patient/Condition.rs').ask('PUT Observation/mine', update);

    expect(headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", scope="patient/Observation.cu"',
    );
  });

  it('is left out where types were not named', async () => {
    const { json } = await holder('patient/Observation.rs').ask('GET ?_id=mine&_total=accurate');

    expect([
      json.total,
      json.entry.map((entry: { resource: JsonObject }) => entry.resource.resourceType),
    ]).toEqual([1, ['Observation']]);
  });

  it('is refused to the one entry of a batch that asks for it', async () => {
    const entry = ['GET Observation/mine', 'GET Patient/mine'].map((line) => {
      const [method = '', url = ''] = line.split(' ');
      return { request: { method, url } };
    });
    const body = { resourceType: 'Bundle', type: 'batch', entry };

    const { json } = await holder('patient/Observation.r').ask('POST ', { body });

    expect(
      json.entry.map((one: { response: { status: string } }) => one.response.status.slice(0, 3)),
    ).toEqual(['200', '403']);
  });
});

describe('what is hidden', () => {
  const all = 'patient/*.cruds';
  const hidden = { body: observation('theirs', 'mine') };
  const absent = { body: observation('nobodys', 'mine') };
  const match = { 'if-match': 'W/"1"' };

  it.each([
    ['GET Observation/ID', {}, {}],
    ['GET Observation/ID/_history', {}, {}],
    ['PUT Observation/ID', hidden, absent],
    ['PUT Observation/ID', { ...hidden, headers: match }, { ...absent, headers: match }],
    ['PUT Observation?_id=ID', hidden, absent],
    ['PATCH Observation/ID', { headers: PATCH, body: patch }, { headers: PATCH, body: patch }],
    ['DELETE Observation/ID', {}, {}],
    ['DELETE Observation/ID', { headers: match }, { headers: match }],
  ])('is answered to %s like what is not there: 404', async (line, one, other) => {
    const [status, text] = await asked(all, line.replace('ID', 'theirs'), one as Ask);

    expect(status).toBe(404);
    expect(await asked(all, line.replace('ID', 'nobodys'), other as Ask)).toEqual([status, text]);
  });

  it('cannot be moved into sight, nor what is seen be moved out of it', async () => {
    const [status] = await asked(all, 'PUT Observation/mine', { body: observation('mine', 'theirs') });

    expect(status).toBe(403);
    expect((await world.ask('GET Observation/mine')).json.meta.versionId).toBe('1');
  });

  it('matches no condition: a conditional create makes another one', async () => {
    const [status] = await asked(all, 'POST Observation', {
      body: observation('x', 'mine'),
      headers: { 'if-none-exist': '_id=theirs' },
    });

    expect(status).toBe(201);
  });
});

describe('what may be read and not be changed', () => {
  it.each([
    ['PUT Observation/mine', update],
    ['DELETE Observation/mine', {}],
    ['PATCH Observation/mine', { headers: PATCH, body: patch }],
  ])('is 403 for %s', async (line, ask) => {
    const scopes = 'patient/Observation.rs patient/Observation.cud?status=preliminary';

    expect((await asked(scopes, line, ask as Ask))[0]).toBe(403);
  });
});

describe('ids of new resources', () => {
  it('are for the client to choose where it may see all of the type', async () => {
    const body = { body: observation('chosen', 'mine') };

    expect((await asked('system/*.cruds', 'PUT Observation/chosen', body))[0]).toBe(201);
    expect((await asked('system/*.cruds', 'DELETE Observation/chosen'))[0]).toBe(204);
    expect((await asked('system/*.cruds', 'DELETE Observation/never-there'))[0]).toBe(204);
    expect((await asked('system/Observation.u', 'PUT Observation/never-there', body))[0]).toBe(400);
  });
});
