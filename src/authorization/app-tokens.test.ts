/**
 * What the tokens of an opened app are good for, and for how long: refresh, revocation, introspection, scopes in both notations.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html, https://www.rfc-editor.org/rfc/rfc7662
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { MadeClient } from './clients/clients.js';
import { type Answer, addApp, BACK, OneApp } from './one-app/testing.js';
import {
  addBackend,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
  tokenFor,
} from './testing.js';

const SCOPE =
  'launch/patient launch/encounter openid fhirUser offline_access patient/*.cruds patient/*.read user/*.rs';
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const VITAL = `patient/Observation.rs?category=${CATEGORY}|vital-signs`;

let server: SmartServer;
let keys: KeyPair;
/** A public app, and one with a secret. */
let app: MadeClient;
let portal: MadeClient;

beforeAll(async () => {
  server = await startSmartServer();
  keys = await keyPair();
  app = await addApp(server, 'public', SCOPE);
  portal = await addApp(server, 'confidential', SCOPE);
  const { users } = server.authorization;
  await users.add({
    ...{ login: 'ada', password: 'correct horse', roles: [], patients: [] },
    fhirUser: 'Patient/ada',
  });
  const entry = [
    resource('Patient', 'ada', { name: [{ family: 'Lovelace', given: ['Ada'] }], birthDate: '1815-12-10' }),
    resource('Encounter', 'visit', {
      ...{ status: 'finished', class: { code: 'AMB' } },
      subject: { reference: 'Patient/ada' },
    }),
    ...['vital-signs', 'laboratory'].map((code) =>
      resource('Observation', code, {
        ...{ status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/ada' } },
        category: [{ coding: [{ system: CATEGORY, code }] }],
      }),
    ),
  ];
  const service = await addBackend(server, keys, 'system/*.cruds');
  const answer = await fetch(server.fhirBase, {
    method: 'POST',
    headers: {
      'content-type': 'application/fhir+json',
      authorization: `Bearer ${await tokenFor(server, service, keys, 'system/*.cruds')}`,
    },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  expect(answer.status).toBe(200);
});

afterAll(() => server.stop());

function resource(type: string, id: string, rest: object): object {
  return { resource: { resourceType: type, id, ...rest }, request: { method: 'PUT', url: `${type}/${id}` } };
}

/** What the app gets where Ada signs in and leaves these scopes ticked. */
async function opened(scope: string, ticked: readonly string[], by = app): Promise<Answer['body']> {
  const one = new OneApp(server, by);
  await one.start(scope);
  await one.signIn('ada');
  const { status, body } = await one.exchange(await one.allow(...ticked));
  expect(status).toBe(200);
  return body;
}

async function get(
  path: string,
  token: unknown,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const answer = await fetch(path.startsWith('http') ? path : `${server.fhirBase}/${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: answer.status, json: await answer.json() };
}

function basic({ client, secret }: MadeClient): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${client.id}:${secret}`).toString('base64')}` };
}

async function introspect(
  token: unknown,
  headers: Record<string, string> = basic(portal),
): Promise<{ readonly status: number; readonly json: Record<string, unknown> }> {
  const answer = await fetch(`${server.tokenUrl}/introspection`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({ token: String(token) }),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

async function revoke(token: unknown, by: MadeClient): Promise<number> {
  const form = { token: String(token), ...(by.secret === undefined ? { client_id: by.client.id } : {}) };
  const answer = await fetch(`${server.tokenUrl}/revocation`, {
    method: 'POST',
    headers: by.secret === undefined ? {} : basic(by),
    body: new URLSearchParams(form),
  });
  await answer.arrayBuffer();
  return answer.status;
}

const scopesOf = (body: Answer['body']): readonly string[] => String(body.scope).split(' ');

describe('scopes', () => {
  it('of both notations are granted as they were asked for, in one token', async () => {
    const asked = ['patient/Patient.read', 'patient/Observation.rs'];
    const body = await opened(`launch/patient ${asked.join(' ')}`, asked);

    expect(scopesOf(body)).toEqual(expect.arrayContaining(asked));
    expect((await get('Patient/ada', body.access_token)).status).toBe(200);
    expect((await get('Observation/laboratory', body.access_token)).status).toBe(200);
  });

  it('of a category open that subset, by search and by read', async () => {
    const body = await opened(`launch/patient ${VITAL}`, [VITAL]);
    const found = await get('Observation?_total=accurate', body.access_token);

    expect(scopesOf(body)).toContain(VITAL);
    expect(found.json).toMatchObject({ total: 1, entry: [{ resource: { id: 'vital-signs' } }] });
    expect((await get('Observation/vital-signs', body.access_token)).status).toBe(200);
    expect((await get('Observation/laboratory', body.access_token)).status).toBe(404);
  });

  it('are checked for each entry of a batch by itself', async () => {
    const body = await opened(`launch/patient ${VITAL}`, [VITAL]);
    const entry = ['Observation/vital-signs', 'Observation/laboratory', 'Patient/ada'].map((url) => ({
      request: { method: 'GET', url },
    }));
    const answer = await fetch(server.fhirBase, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', authorization: `Bearer ${body.access_token}` },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
    });
    const bundle = (await answer.json()) as { entry: readonly { response: { status: string } }[] };

    expect(bundle.entry.map(({ response }) => response.status.slice(0, 3))).toEqual(['200', '404', '403']);
  });
});

describe('who signed in', () => {
  it('is named by an absolute URL that the token reads', async () => {
    const body = await opened('launch/patient openid fhirUser patient/Patient.rs', ['patient/Patient.rs']);
    const [, payload = ''] = String(body.id_token).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, string>;

    expect(claims).toMatchObject({ iss: `${server.url}/auth`, aud: app.client.id, nonce: 'n-1' });
    expect(claims.sub?.length).toBeGreaterThan(0);
    expect(await get(claims.fhirUser ?? '', body.access_token)).toMatchObject({
      status: 200,
      json: { resourceType: 'Patient', id: 'ada' },
    });
  });
});

describe('refresh', () => {
  const SCOPES = ['patient/Patient.rs', 'patient/Observation.rs'];

  it('keeps patient and visit, and gives an expiry again', async () => {
    const one = new OneApp(server, portal);
    await one.start(`launch/patient launch/encounter offline_access ${SCOPES.join(' ')}`);
    await one.signIn('ada');
    await one.browser.send({ decision: 'pick', id: 'visit' });
    const first = await one.exchange(await one.allow(...SCOPES));
    const again = await one.refresh(first.body.refresh_token);

    expect(first.body).toMatchObject({ patient: 'ada', encounter: 'visit', expires_in: 3600 });
    expect(again.body).toMatchObject({ patient: 'ada', encounter: 'visit', expires_in: 3600 });
    expect(again.headers.get('cache-control')).toBe('no-store');
    expect([...scopesOf(again.body)].sort()).toEqual([...scopesOf(first.body)].sort());
  });

  it('may ask for less, and gets that', async () => {
    const one = new OneApp(server, app);
    await one.start(`launch/patient offline_access ${SCOPES.join(' ')}`);
    await one.signIn('ada');
    const { body } = await one.exchange(await one.allow(...SCOPES));
    const less = await one.refresh(body.refresh_token, { scope: 'patient/Patient.rs' });

    expect(less.status).toBe(200);
    expect(scopesOf(less.body)).not.toContain('patient/Observation.rs');
    expect((await get('Observation/laboratory', less.body.access_token)).status).toBe(403);
    expect((await get('Patient/ada', less.body.access_token)).status).toBe(200);
  });

  it('is for the app that the token was given to, and for no guess', async () => {
    const body = await opened('launch/patient offline_access patient/Patient.rs', ['patient/Patient.rs']);
    const stolen = await new OneApp(server, portal).refresh(body.refresh_token);
    const guessed = await new OneApp(server, app).refresh('x'.repeat(43));

    for (const { status, body: told } of [stolen, guessed]) {
      expect(status).toBe(400);
      expect(told).toMatchObject({ error: 'invalid_grant' });
    }
  });
});

describe('revocation', () => {
  it('of a refresh token ends what it gave', async () => {
    const body = await opened('launch/patient offline_access patient/Patient.rs', ['patient/Patient.rs']);
    expect((await get('Patient/ada', body.access_token)).status).toBe(200);

    expect(await revoke(body.refresh_token, app)).toBe(200);

    expect((await get('Patient/ada', body.access_token)).status).toBe(401);
    expect((await new OneApp(server, app).refresh(body.refresh_token)).status).toBe(400);
  });

  it('of an access token ends it with the next request', async () => {
    const body = await opened('launch/patient patient/Patient.rs', ['patient/Patient.rs'], portal);
    expect(await revoke(body.access_token, portal)).toBe(200);
    expect((await get('Patient/ada', body.access_token)).status).toBe(401);
  });

  it('of an access token ends it however its header is written', async () => {
    const body = await opened('launch/patient patient/Patient.rs', ['patient/Patient.rs'], portal);
    const statuses = async (): Promise<readonly number[]> => {
      const written = ['Bearer ', 'bearer   ', 'BEARER '].map(
        (scheme) => `${scheme}${String(body.access_token)}`,
      );
      const answers = written.map((authorization) =>
        fetch(`${server.fhirBase}/Patient/ada`, { headers: { authorization } }),
      );
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    expect(await statuses()).toEqual([200, 200, 200]);

    expect(await revoke(body.access_token, portal)).toBe(200);

    expect(await statuses()).toEqual([401, 401, 401]);
  });

  it('is for who got the token', async () => {
    const body = await opened('launch/patient patient/Patient.rs', ['patient/Patient.rs']);
    await revoke(body.access_token, portal);
    expect((await get('Patient/ada', body.access_token)).status).toBe(200);
  });
});

describe('introspection', () => {
  it('tells of a token that is good: whose it is, for which patient, what for and how long', async () => {
    const body = await opened('launch/patient openid fhirUser patient/Patient.rs', ['patient/Patient.rs']);
    const { status, json } = await introspect(body.access_token);

    expect(status).toBe(200);
    expect(json).toMatchObject({
      active: true,
      client_id: app.client.id,
      patient: 'ada',
      iss: `${server.url}/auth`,
      sub: expect.any(String),
      fhirUser: `${server.fhirBase}/Patient/ada`,
      exp: expect.any(Number),
    });
    expect(String(json.scope).split(' ').sort()).toEqual([...scopesOf(body)].sort());
  });

  it('tells nothing of one that is not', async () => {
    const body = await opened('launch/patient patient/Patient.rs', ['patient/Patient.rs']);
    await revoke(body.access_token, app);

    for (const token of [body.access_token, 'guessed']) {
      expect(await introspect(token)).toEqual({ status: 200, json: { active: false } });
    }
  });

  it('is for clients that prove themselves', async () => {
    const body = await opened('launch/patient patient/Patient.rs', ['patient/Patient.rs']);
    const nobody = await introspect(body.access_token, {});
    const wrong = await introspect(body.access_token, basic({ ...portal, secret: 'guessed' }));

    for (const { status, json } of [nobody, wrong]) {
      expect([400, 401]).toContain(status);
      expect(JSON.stringify(json)).not.toContain('ada');
    }
  });
});

describe('a client with a secret', () => {
  it('proves itself by Basic, and not without', async () => {
    const body = await opened('launch/patient patient/Patient.rs', ['patient/Patient.rs'], portal);
    expect(body.patient).toBe('ada');

    const one = new OneApp(server, { ...portal, secret: 'guessed' });
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const refused = await one.exchange(await one.allow('patient/Patient.rs'));

    expect(refused).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });
});

describe('a code', () => {
  it.each([
    ['that nobody gave', {}],
    ['for a client that is not there', { client_id: 'nobody' }],
  ])('%s is worth nothing', async (_which, more) => {
    const one = new OneApp(server, app);
    const { status, body } = await one.token({
      grant_type: 'authorization_code',
      code: 'x'.repeat(43),
      redirect_uri: BACK,
      code_verifier: one.verifier,
      ...more,
    });

    expect([400, 401]).toContain(status);
    expect(body.error).toMatch(/^invalid_(grant|client)$/);
  });

  it('is not given for two redirect URIs: the one of the request counts', async () => {
    const one = new OneApp(server, app);
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const end = await one.allow('patient/Patient.rs');
    const code = 'left' in end ? (end.left.searchParams.get('code') ?? '') : '';
    const { status } = await one.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: `${BACK}/elsewhere`,
      code_verifier: one.verifier,
    });

    expect(status).toBe(400);
  });
});

describe('a token whose time has passed', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('opens nothing, and is not active', async () => {
    const body = await opened('launch/patient patient/Patient.rs', ['patient/Patient.rs']);
    expect((await get('Patient/ada', body.access_token)).status).toBe(200);

    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + (Number(body.expires_in) + 1) * 1_000 });

    expect((await get('Patient/ada', body.access_token)).status).toBe(401);
    expect(await introspect(body.access_token)).toEqual({ status: 200, json: { active: false } });
  });
});
