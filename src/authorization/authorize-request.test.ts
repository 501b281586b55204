/**
 * Requests for a code: what is refused before anybody is asked to sign in, and where the others lead.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
 */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { RegisteredClient } from './clients/client.js';
import { type SmartServer, startSmartServer } from './testing.js';

const BACK = 'https://app.example.org/back';

let server: SmartServer;
let client: RegisteredClient;

beforeAll(async () => {
  server = await startSmartServer();
  const scope = 'openid fhirUser launch/patient offline_access patient/*.rs';
  const wanted = {
    type: 'public',
    name: 'App',
    redirectUris: [BACK],
    scope,
    jwks: undefined,
    jwksUrl: undefined,
  };
  ({ client } = await server.authorization.clients.add(wanted, 'active'));
});

afterAll(() => server.stop());

type Parameters = Readonly<Record<string, string | undefined>>;

function query(more: Parameters = {}): URLSearchParams {
  const parameters: Parameters = {
    client_id: client.id,
    response_type: 'code',
    redirect_uri: BACK,
    scope: 'openid launch/patient patient/Observation.rs',
    state: 'a state/+ &',
    aud: server.fhirBase,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...more,
  };
  return new URLSearchParams(
    Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

function authorize(more: Parameters = {}): Promise<Response> {
  return fetch(`${server.url}/auth/authorize?${query(more)}`, { redirect: 'manual' });
}

describe('a good request', () => {
  it.each(['', '/'])('leads to signing in (aud with %j at its end)', async (end) => {
    const answer = await authorize({ aud: `${server.fhirBase}${end}` });

    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toMatch(`${server.url}/auth/interaction/`);
    const cookies = answer.headers.getSetCookie();
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) expect(cookie).toMatch(/httponly/i);
  });

  it('may come as a form', async () => {
    const answer = await fetch(`${server.url}/auth/authorize`, {
      method: 'POST',
      body: query(),
      redirect: 'manual',
    });

    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe(`${server.url}/auth/authorize?${query()}`);
  });
});

describe('the client is told, with its state, of', () => {
  it.each<[string, Parameters, string]>([
    ['another audience', { aud: 'https://evil.example/fhir' }, 'invalid_target'],
    ['no audience', { aud: undefined }, 'invalid_request'],
    ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['another type of response', { response_type: 'token' }, 'unsupported_response_type'],
    ['scopes of which none is its own', { scope: 'user/*.cruds system/*.rs' }, 'invalid_scope'],
    ['a resource that is another', { resource: 'https://evil.example/fhir' }, 'invalid_target'],
  ])('%s', async (_what, more, error) => {
    const answer = await authorize(more);

    expect(answer.status).toBe(303);
    const location = new URL(answer.headers.get('location') ?? '');
    expect(location.href.startsWith(BACK)).toBe(true);
    const told = new URLSearchParams(location.search || location.hash.slice(1));
    expect(Object.fromEntries(told)).toMatchObject({ error, state: 'a state/+ &' });
    expect(told.has('code')).toBe(false);
  });
});

describe('nobody is sent anywhere by', () => {
  it.each<[string, Parameters]>([
    ['another redirect URI', { redirect_uri: 'https://evil.example/back' }],
    ['one that only begins alike', { redirect_uri: `${BACK}/more` }],
    ['one with another query', { redirect_uri: `${BACK}?x=1` }],
    ['one in other letters', { redirect_uri: BACK.replace('back', 'BACK') }],
    ['a client that nobody knows', { client_id: 'nobody' }],
  ])('%s', async (_what, more) => {
    const answer = await authorize(more);

    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
    expect(
      answer.headers.get('x-frame-options') ?? answer.headers.get('content-security-policy'),
    ).toBeTruthy();
  });
});

test('what an error page shows is text', async () => {
  const answer = await fetch(`${server.url}/auth/authorize?client_id=%3Cscript%3Ealert(1)%3C/script%3E`, {
    headers: { accept: 'text/html' },
  });

  expect(answer.status).toBe(400);
  expect(await answer.text()).not.toContain('<script>');
});
