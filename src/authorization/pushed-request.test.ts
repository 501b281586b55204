/**
 * Requests for a code that are pushed before the browser comes.
 * https://www.rfc-editor.org/rfc/rfc9126
 */
import { createHash, randomBytes } from 'node:crypto';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MadeClient } from './clients/clients.js';
import { addApp, BACK, OneApp, PASSWORD } from './one-app/testing.js';
import { bearer, type SmartServer, startSmartServer } from './testing.js';

const SCOPE = 'openid fhirUser offline_access user/Patient.rs';

let server: SmartServer;
let app: MadeClient;

beforeAll(async () => {
  server = await startSmartServer();
  const grey = { fhirUser: 'Practitioner/grey', roles: [], patients: [] };
  await server.authorization.users.add({ ...grey, login: 'grey', password: PASSWORD });
  app = await addApp(server, 'public', SCOPE);
}, 120_000);

afterAll(() => server.stop());

async function configOf({ client, secret }: MadeClient): Promise<openid.Configuration> {
  const proof = secret === undefined ? openid.None() : openid.ClientSecretBasic(secret);
  return openid.discovery(new URL(`${server.url}/auth`), client.id, undefined, proof, {
    execute: [openid.allowInsecureRequests],
  });
}

interface Pushed {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
}

/** `undefined` takes a field away. */
async function push(more: Readonly<Record<string, string | undefined>> = {}): Promise<Pushed> {
  const fields = {
    client_id: app.client.id,
    response_type: 'code',
    redirect_uri: BACK,
    scope: SCOPE,
    state: 's',
    nonce: 'n',
    aud: server.fhirBase,
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  };
  const sent = Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const answer = await fetch(`${server.url}/auth/par`, { method: 'POST', body: new URLSearchParams(sent) });
  return { status: answer.status, body: (await answer.json()) as Pushed['body'] };
}

function authorizeUrl(requestUri: string | undefined, clientId = app.client.id): string {
  return `${server.url}/auth/authorize?${new URLSearchParams({ client_id: clientId, request_uri: requestUri ?? '' })}`;
}

describe('a request that was pushed', () => {
  it.each(['public', 'confidential'] as const)(
    'by a %s client leads to tokens, by openid-client',
    async (type) => {
      const made = await addApp(server, type, SCOPE);
      const config = await configOf(made);
      const pkceCodeVerifier = openid.randomPKCECodeVerifier();
      const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()];
      const url = await openid.buildAuthorizationUrlWithPAR(config, {
        redirect_uri: BACK,
        scope: SCOPE,
        aud: server.fhirBase,
        state: expectedState,
        nonce: expectedNonce,
        code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      });
      const one = new OneApp(server, made);
      await one.browser.open(url.href);
      await one.signIn('grey');
      const end = await one.allow('user/Patient.rs');
      if (!('left' in end)) throw new Error(end.text);
      const checks = { pkceCodeVerifier, expectedState, expectedNonce };
      const tokens = await openid.authorizationCodeGrant(config, end.left, checks);
      const read = await fetch(`${server.fhirBase}/Patient?_summary=count`, bearer(tokens.access_token));

      expect([...url.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri']);
      expect(read.status).toBe(200);
      expect(tokens.refresh_token).toBeDefined();
    },
  );

  it('is asked consent for each time', async () => {
    const one = new OneApp(server, app);
    const first = await push();
    await one.browser.open(authorizeUrl(first.body.request_uri));
    await one.signIn('grey');
    await one.allow('user/Patient.rs');
    const second = await push();
    const page = await one.browser.open(authorizeUrl(second.body.request_uri));

    expect('text' in page && page.text).toContain('asks for access');
  });

  it('is good once, and for its own client', async () => {
    const other = await addApp(server, 'public', SCOPE);
    const { body } = await push();
    const stolen = await new OneApp(server, other).browser.open(
      authorizeUrl(body.request_uri, other.client.id),
    );
    const one = new OneApp(server, app);
    await one.browser.open(authorizeUrl(body.request_uri));
    await one.signIn('grey');
    const end = await one.allow('user/Patient.rs');
    const again = await new OneApp(server, app).browser.open(authorizeUrl(body.request_uri));

    expect('left' in end && end.left.searchParams.has('code')).toBe(true);
    for (const refused of [stolen, again]) {
      // It is told to the app, which has one place for it, or on a page.
      const told = 'left' in refused ? [...refused.left.searchParams.keys()] : [refused.status];
      expect(told).toEqual('left' in refused ? expect.arrayContaining(['error']) : [400]);
      expect(told).not.toContain('code');
    }
  });
});

describe('a request that is not right', () => {
  it.each<[string, Readonly<Record<string, string | undefined>>, number, string]>([
    ['for another server', { aud: 'https://other.example.org/fhir' }, 400, 'invalid_target'],
    ['for no server', { aud: undefined }, 400, 'invalid_request'],
    ['without a challenge', { code_challenge: undefined }, 400, 'invalid_request'],
    ['with a plain challenge', { code_challenge_method: 'plain' }, 400, 'invalid_request'],
    ['with another redirect', { redirect_uri: 'https://evil.example/' }, 400, 'invalid_request'],
    ['of nobody', { client_id: 'nobody' }, 400, 'invalid_client'],
    [
      'named within itself',
      { request_uri: 'urn:ietf:params:oauth:request_uri:x' },
      400,
      'request_uri_not_supported',
    ],
  ])('%s is refused when it is pushed', async (_which, more, status, error) => {
    const pushed = await push(more);

    expect([pushed.status, pushed.body.error]).toEqual([status, error]);
    expect(pushed.body.request_uri).toBeUndefined();
  });

  it('as JSON is refused', async () => {
    const answer = await fetch(`${server.url}/auth/par`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });

    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: 'invalid_request' });
  });

  it('by a client that must prove itself and does not is refused', async () => {
    const confidential = await addApp(server, 'confidential', SCOPE);
    const { status, body } = await push({ client_id: confidential.client.id });

    expect([status, body.error]).toEqual([400, 'invalid_client']);
  });
});
