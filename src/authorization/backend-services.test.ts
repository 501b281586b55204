/**
 * SMART Backend Services against real clients on real sockets.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
 */
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RegisteredClient } from './clients/client.js';
import {
  addBackend,
  askToken,
  assertion,
  bearer,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
  tokenFor,
} from './testing.js';

let server: SmartServer;
let keys: KeyPair;
let client: RegisteredClient;

beforeAll(async () => {
  server = await startSmartServer();
  keys = await keyPair();
  client = await addBackend(server, keys, 'system/*.rs system/Observation.cruds');
});

afterAll(() => server.stop());

describe('a token', () => {
  it('is given to a client that shows a good assertion, and opens what was granted', async () => {
    const answer = await askToken(server, await assertion(server, client.id, keys));

    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('pragma')).toBe('no-cache');
    const body = (await answer.json()) as { access_token: string };
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      expires_in: 300,
      scope: 'system/*.rs',
      token_type: 'Bearer',
    });
    const read = await fetch(`${server.fhirBase}/Patient`, bearer(body.access_token));
    expect(read.status).toBe(200);
  });

  it('is got by openid-client, which finds its way by discovery', async () => {
    const config = await openid.discovery(
      new URL(`${server.url}/auth`),
      client.id,
      undefined,
      openid.PrivateKeyJwt({ key: keys.privateKey, kid: keys.kid }),
      { execute: [openid.allowInsecureRequests] },
    );

    const tokens = await openid.clientCredentialsGrant(config, { scope: 'system/Patient.rs' });
    expect(tokens.scope).toBe('system/Patient.rs');
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toMatchObject({
      active: true,
      client_id: client.id,
      scope: 'system/Patient.rs',
      exp: expect.any(Number),
    });

    await openid.tokenRevocation(config, tokens.access_token);
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
    expect((await fetch(`${server.fhirBase}/Patient`, bearer(tokens.access_token))).status).toBe(401);
  });

  it('opens nothing but what its scopes hold', async () => {
    const scope = 'system/Observation.rs?category=http://example.org|a';
    const writer = await tokenFor(server, client, keys, 'system/Observation.cruds');
    const ids = await Promise.all(['a', 'b'].map((category) => createObservation(writer, category)));
    const token = await tokenFor(server, client, keys, scope);

    const found = await fetch(`${server.fhirBase}/Observation?_total=accurate`, bearer(token));
    expect(await found.json()).toMatchObject({ total: 1 });
    const reads = await Promise.all(
      ids.map((id) => fetch(`${server.fhirBase}/Observation/${id}`, bearer(token))),
    );
    expect(reads.map(({ status }) => status)).toEqual([200, 404]);
    expect((await fetch(`${server.fhirBase}/Patient`, bearer(token))).status).toBe(403);
    const deleted = await fetch(`${server.fhirBase}/Observation/${ids[0]}`, {
      method: 'DELETE',
      ...bearer(token),
    });
    expect(deleted.status).toBe(403);
  });

  it('is got with an RSA key', async () => {
    const rsa = await keyPair('RS384');
    const other = await addBackend(server, rsa);

    const answer = await askToken(server, await assertion(server, other.id, rsa));

    expect(answer.status).toBe(200);
  });

  it('is nowhere in the store', async () => {
    const token = await tokenFor(server, client, keys);

    const { records } = server.tenant.store;
    const kinds = ['access-token', 'AccessToken', 'ClientCredentials'];
    const kept = await Promise.all(kinds.map((kind) => records.list(kind, '', 1000)));
    expect(kept.flat().length).toBeGreaterThan(0);
    expect(JSON.stringify(kept)).not.toContain(token);
  });
});

async function createObservation(token: string, category: string): Promise<string> {
  const answer = await fetch(`${server.fhirBase}/Observation`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', ...bearer(token).headers },
    body: JSON.stringify({
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      category: [{ coding: [{ system: 'http://example.org', code: category }] }],
    }),
  });
  const { id } = (await answer.json()) as { id: string };
  return id;
}

describe('scopes', () => {
  it.each([
    ['system/Patient.rs', 'system/Patient.rs'],
    ['system/Patient.read', 'system/Patient.read'],
    [
      'system/Observation.rs?category=http://x|laboratory',
      'system/Observation.rs?category=http://x|laboratory',
    ],
    ['system/Patient.cruds', 'system/Patient.rs'],
    ['system/*.cruds', 'system/*.rs system/Observation.cruds'],
    ['system/Patient.write system/Patient.r', 'system/Patient.r'],
    ['system/Observation.*', 'system/Observation.*'],
  ])('%s is granted as %s', async (scope, granted) => {
    const answer = await askToken(server, await assertion(server, client.id, keys), { scope });

    expect(await answer.json()).toMatchObject({ scope: granted });
  });

  it.each([
    [undefined],
    [''],
    ['system/Dragon.rs'],
    ['system/Patient.x'],
    ['system/Patient.write'],
    ['launch'],
    ['launch/patient openid'],
    ['patient/*.rs'],
    ['user/Patient.rs system/Patient.rs'],
    ['nonsense'],
    ['system/Patient.rs nonsense'],
  ])('%s is an invalid scope', async (scope) => {
    const answer = await askToken(server, await assertion(server, client.id, keys), { scope });

    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: 'invalid_scope' });
  });
});

describe('the token endpoint', () => {
  it.each<[string, Record<string, string | undefined>, string]>([
    ['another grant type', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no grant type', { grant_type: undefined }, 'invalid_request'],
    ['another type of assertion', { client_assertion_type: 'x' }, 'invalid_client'],
    ['no type of assertion', { client_assertion_type: undefined }, 'invalid_client'],
    ['what is no assertion', { client_assertion: 'x' }, 'invalid_client'],
    ['another resource', { resource: 'https://elsewhere.example/fhir' }, 'invalid_target'],
  ])('refuses %s', async (_what, form, error) => {
    const answer = await askToken(server, await assertion(server, client.id, keys), form);

    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error });
  });

  it('takes forms alone', async () => {
    const body = {
      grant_type: 'client_credentials',
      client_assertion: await assertion(server, client.id, keys),
    };

    const answer = await fetch(server.tokenUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

    expect(answer.status).toBe(400);
  });

  it('is closed to a client that was disabled, and so are its tokens', async () => {
    const own = await addBackend(server, keys);
    const token = await tokenFor(server, own, keys);
    expect((await fetch(`${server.fhirBase}/Patient`, bearer(token))).status).toBe(200);

    await server.authorization.clients.setStatus(own.id, 'disabled');

    expect((await fetch(`${server.fhirBase}/Patient`, bearer(token))).status).toBe(401);
    const answer = await askToken(server, await assertion(server, own.id, keys));
    expect(await answer.json()).toMatchObject({ error: 'invalid_client' });
  });
});
