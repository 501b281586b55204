/**
 * Clients register themselves, with an initial access token.
 * https://www.rfc-editor.org/rfc/rfc7591
 */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.js';
import { selfSigned } from '../http/self-signed.testing.js';
import { fetcherOnThisMachine } from '../net/testing.js';
import { InitialTokens } from './clients/initial-tokens.js';
import { BACK, OneApp, PASSWORD } from './one-app/testing.js';
import {
  askToken,
  assertion,
  bearer,
  jwksText,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
} from './testing.js';

const SCOPE = 'launch/patient openid fhirUser offline_access user/Patient.rs';
const HOUR = 3600_000;
const APP = { client_name: 'Chart', redirect_uris: [BACK], scope: SCOPE, token_endpoint_auth_method: 'none' };

const GRANTS = ['authorization_code', 'client_credentials'];
const SERVICE = { grant_types: ['client_credentials'], scope: 'system/*.rs' };

let server: SmartServer;
let tokens: InitialTokens;
let keys: KeyPair;
let keySite: Server;
let keySetUrl: string;

beforeAll(async () => {
  keys = await keyPair();
  const { cert, key } = selfSigned();
  keySite = createServer({ cert, key }, (_request, response) => {
    response.setHeader('content-type', 'application/json').end(jwksText(keys));
  });
  await new Promise<void>((resolve) => keySite.listen(0, '127.0.0.1', resolve));
  const { port } = keySite.address() as AddressInfo; // it listens on a port
  keySetUrl = `https://localhost:${port}/keys.json`;
  const policy = { plainHttp: false, hosts: [], privateHosts: ['localhost'] };
  server = await startSmartServer({}, fetcherOnThisMachine({ policy, ca: cert, clock: systemClock }));
  tokens = new InitialTokens({ records: server.tenant.store.records, clock: systemClock });
  const grey = { fhirUser: 'Practitioner/grey', roles: [], patients: [] };
  await server.authorization.users.add({ ...grey, login: 'grey', password: PASSWORD });
}, 120_000);

afterAll(async () => {
  keySite.close();
  await server.stop();
});

async function initialToken(uses = 1): Promise<string> {
  return (await tokens.make({ uses, life: HOUR })).token;
}

interface Registered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>> & { readonly client_id: string };
}

async function register(metadata: unknown, token?: string, to = server): Promise<Registered> {
  const answer = await fetch(`${to.url}/auth/register`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${token ?? (await initialToken())}`,
    },
    body: typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
  });
  const body = (await answer.json()) as Registered['body'];
  return { status: answer.status, headers: answer.headers, body };
}

async function clientIds(): Promise<readonly string[]> {
  return (await server.authorization.clients.list()).map(({ id }) => id);
}

describe('a client that registers itself', () => {
  it('is told what it is registered as, and its secret this once', async () => {
    const { status, headers, body } = await register({
      ...APP,
      token_endpoint_auth_method: undefined,
      logo: 1,
    });

    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      client_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      client_id_issued_at: expect.any(Number),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: 0,
      client_name: 'Chart',
      redirect_uris: [BACK],
      scope: SCOPE,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      status: 'active',
    });
  });

  it('opens for people: a public one, and one with a secret', async () => {
    for (const method of ['none', 'client_secret_basic']) {
      const { body } = await register({ ...APP, token_endpoint_auth_method: method });
      const client = await server.authorization.clients.get(body.client_id);
      if (client === undefined) throw new Error('it is registered');
      const secret = typeof body.client_secret === 'string' ? body.client_secret : undefined;
      const app = new OneApp(server, { client, secret });
      await app.start('user/Patient.rs');
      await app.signIn('grey');
      const { status } = await app.exchange(await app.allow('user/Patient.rs'));

      expect([method, status]).toEqual([method, 200]);
    }
  });

  it.each(['jwks', 'jwks_uri'])('acts for itself with keys by %s', async (by) => {
    const { body, status } = await register({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      scope: 'system/*.rs',
      ...(by === 'jwks' ? { jwks: JSON.parse(jwksText(keys)) as object } : { jwks_uri: keySetUrl }),
    });
    const answer = await askToken(server, await assertion(server, body.client_id, keys));

    expect([status, answer.status]).toEqual([201, 200]);
  });

  it('is found by its own way there: openid-client registers by discovery', async () => {
    const config = await openid.dynamicClientRegistration(
      new URL(`${server.url}/auth`),
      { ...APP },
      openid.None(),
      { initialAccessToken: await initialToken(), execute: [openid.allowInsecureRequests] },
    );

    expect(await clientIds()).toContain(config.clientMetadata().client_id);
  });
});

describe('what is refused', () => {
  it.each<[string, object | string, string, RegExp]>([
    ['no redirect URI', { ...APP, redirect_uris: [] }, 'invalid_redirect_uri', /needs a redirect URI/],
    ['http', { ...APP, redirect_uris: ['http://app.example.org/'] }, 'invalid_redirect_uri', /https/],
    ['a wildcard', { ...APP, redirect_uris: ['https://*.example.org/'] }, 'invalid_redirect_uri', /wildcard/],
    [
      'a text for a list',
      { ...APP, redirect_uris: BACK },
      'invalid_client_metadata',
      /redirect_uris: .*list/,
    ],
    ['an unknown scope', { ...APP, scope: 'patient/Dragon.rs' }, 'invalid_client_metadata', /Dragon/],
    ['no scope', { ...APP, scope: undefined }, 'invalid_client_metadata', /which scopes/],
    ['system scopes for people', { ...APP, scope: 'system/*.rs' }, 'invalid_client_metadata', /backend/],
    ['the secret in the form', method('client_secret_post'), 'invalid_client_metadata', /private_key_jwt/],
    ['keys that are missing', method('private_key_jwt'), 'invalid_client_metadata', /jwks/],
    [
      'keys beside a secret',
      { ...method('client_secret_basic'), jwks: {} },
      'invalid_client_metadata',
      /keys/,
    ],
    ['implicit', { ...APP, grant_types: ['implicit'] }, 'invalid_client_metadata', /not offered/],
    [
      'tokens from the page',
      { ...APP, response_types: ['token'] },
      'invalid_client_metadata',
      /there is code/,
    ],
    ['two in one', { ...APP, grant_types: GRANTS }, 'invalid_client_metadata', /another client/],
    [
      'another signature',
      { ...APP, id_token_signed_response_alg: 'none' },
      'invalid_client_metadata',
      /RS256/,
    ],
    [
      'keys over http',
      { ...SERVICE, jwks_uri: 'http://a.example/k' },
      'invalid_client_metadata',
      /https URL/,
    ],
    [
      'private keys',
      { ...SERVICE, jwks: { keys: [{ kid: 'a', k: 'x' }] } },
      'invalid_client_metadata',
      /private/,
    ],
    ['the management', { ...APP, scope: 'fairway/admin' }, 'invalid_client_metadata', /administrator alone/],
    ['a list', [], 'invalid_client_metadata', /JSON object/],
    ['no JSON', '{', 'invalid_client_metadata', /no JSON/],
  ])('%s', async (_which, metadata, error, text) => {
    const before = await clientIds();
    const token = await initialToken();
    const { status, body } = await register(metadata, token);

    expect([status, body.error]).toEqual([400, error]);
    expect(body.error_description).toMatch(text);
    expect(await clientIds()).toEqual(before);
    expect((await register(APP, token)).status).toBe(201); // nothing was used up
  });

  it('whoever has no initial token, a spent one or an access token', async () => {
    const before = await clientIds();
    const spent = await initialToken();
    await register(APP, spent);
    const none = await fetch(`${server.url}/auth/register`, { method: 'POST', body: JSON.stringify(APP) });
    const answers = [await register(APP, 'guessed'), await register(APP, spent)];
    await tokens.endAll();

    expect(none.status).toBe(401);
    expect(none.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await none.json()).toMatchObject({ error: 'invalid_token' });
    expect(answers.map(({ status, body }) => [status, body.error])).toEqual([
      [401, 'invalid_token'],
      [401, 'invalid_token'],
    ]);
    expect(await clientIds()).toHaveLength(before.length + 1);
  });

  it('more clients than the token has uses, however many come at once', async () => {
    const token = await initialToken(3);
    const answers = await Promise.all(Array.from({ length: 8 }, () => register(APP, token)));

    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
  });

  it('a token that was ended', async () => {
    const token = await initialToken(3);
    await tokens.endAll();

    expect((await register(APP, token)).status).toBe(401);
  });

  it('other methods than POST', async () => {
    const answer = await fetch(`${server.url}/auth/register`);

    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('with FAIRWAY_CLIENT_APPROVAL', () => {
  it('waits until somebody enables it, and is told so wherever it asks', async () => {
    const strict = await startSmartServer({ clientApproval: true });
    try {
      const made = new InitialTokens({ records: strict.tenant.store.records, clock: systemClock });
      const { token } = await made.make({ uses: 2, life: HOUR });
      const service = { ...SERVICE, jwks: JSON.parse(jwksText(keys)) as object };
      const { body } = await register(service, token, strict);
      const app = await register(APP, token, strict);
      const ask = async (): Promise<Response> =>
        askToken(strict, await assertion(strict, body.client_id, keys));
      const refused = await ask();
      const page = await fetch(`${strict.url}/auth/authorize?client_id=${app.body.client_id}`);
      await strict.authorization.clients.setStatus(body.client_id, 'active');
      const allowed = await ask();
      const { access_token: access } = (await allowed.json()) as { access_token: string };

      expect([body.status, app.body.status]).toEqual(['pending', 'pending']);
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({
        error: 'invalid_client',
        error_description: expect.stringContaining('until an administrator approves it'),
      });
      expect(page.status).toBe(400);
      expect(await page.text()).toContain('until an administrator approves it');
      expect((await fetch(`${strict.fhirBase}/Patient`, bearer(access))).status).toBe(200);
    } finally {
      await strict.stop();
    }
  });
});

function method(name: string): object {
  return { ...APP, token_endpoint_auth_method: name };
}
