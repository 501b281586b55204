/**
 * What a client finds out without a token, and what it is told when it comes with none or a bad one.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
 */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { parseAnswer, raw } from '../http/testing.js';
import { addBackend, bearer, keyPair, type SmartServer, startSmartServer, tokenFor } from './testing.js';

let server: SmartServer;

beforeAll(async () => {
  server = await startSmartServer();
  const wanted = { type: 'public', name: 'App', jwks: undefined, jwksUrl: undefined };
  const redirectUris = ['https://app.example.org/back', 'org.example.app:/back'];
  await server.authorization.clients.add({ ...wanted, redirectUris, scope: 'openid patient/*.rs' }, 'active');
});

afterAll(() => server.stop());

describe('discovery', () => {
  it.each(['application/json', 'text/html', 'application/fhir+xml', '*/*'])(
    'answers JSON to whoever accepts %s',
    async (accept) => {
      const url = `${server.fhirBase}/.well-known/smart-configuration`;
      const answer = await fetch(url, { headers: { accept, origin: 'https://anywhere.example' } });

      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    },
  );

  it('declares what works, by absolute URLs that answer', async () => {
    const answer = await fetch(`${server.fhirBase}/.well-known/smart-configuration`);
    const configuration = (await answer.json()) as Record<string, string | string[]>;

    expect(configuration).toMatchObject({
      token_endpoint: `${server.url}/auth/token`,
      authorization_endpoint: `${server.url}/auth/authorize`,
      issuer: `${server.url}/auth`,
      jwks_uri: `${server.url}/auth/jwks`,
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt', 'none'],
      token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
      code_challenge_methods_supported: ['S256'],
      capabilities: expect.arrayContaining([
        'launch-ehr',
        'launch-standalone',
        'client-public',
        'permission-v2',
      ]),
    });
    const endpoints = Object.entries(configuration).filter(([name]) => name.endsWith('_endpoint'));
    expect(endpoints.map(([name]) => name)).toEqual([
      'authorization_endpoint',
      'token_endpoint',
      'introspection_endpoint',
      'revocation_endpoint',
      'registration_endpoint',
      'pushed_authorization_request_endpoint',
      'management_endpoint',
    ]);
    for (const [, url] of endpoints) {
      expect([400, 401, 415]).toContain((await fetch(String(url), { method: 'POST' })).status);
    }
  });

  it('says the same in the CapabilityStatement', async () => {
    const answer = await fetch(`${server.fhirBase}/metadata`, {
      headers: { origin: 'https://anywhere.example' },
    });
    const { rest } = (await answer.json()) as { rest: [{ security: Record<string, unknown> }] };

    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(rest[0].security).toMatchObject({
      service: [{ coding: [{ code: 'SMART-on-FHIR' }] }],
      extension: [
        {
          url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
          extension: [
            { url: 'authorize', valueUri: `${server.url}/auth/authorize` },
            { url: 'token', valueUri: `${server.url}/auth/token` },
            { url: 'introspect', valueUri: `${server.url}/auth/token/introspection` },
            { url: 'register', valueUri: `${server.url}/auth/register` },
            { url: 'revoke', valueUri: `${server.url}/auth/token/revocation` },
          ],
        },
      ],
    });
  });

  it('of OpenID Connect names the issuer and its RSA keys', async () => {
    const found = await fetch(`${server.url}/auth/.well-known/openid-configuration`);
    const { issuer, jwks_uri: jwksUri, ...rest } = (await found.json()) as Record<string, string>;
    const set = (await (await fetch(jwksUri ?? '')).json()) as { keys: object[] };

    expect(issuer).toBe(`${server.url}/auth`);
    expect(rest).toMatchObject({
      id_token_signing_alg_values_supported: ['RS256'],
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      end_session_endpoint: `${server.url}/auth/session/end`,
    });
    expect(set.keys).toEqual([expect.objectContaining({ kty: 'RSA', alg: 'RS256', use: 'sig' })]);
    expect(JSON.stringify(set)).not.toContain('"d"');
  });
});

describe('a request without a good token', () => {
  it.each([
    ['none', {}, 'login', /^Bearer$/],
    ['a password', { authorization: 'Basic YTpi' }, 'login', /^Bearer$/],
    ['an empty one', { authorization: 'Bearer ' }, 'login', /^Bearer$/],
    ['two in one header', { authorization: 'Bearer a, Bearer b' }, 'login', /^Bearer$/],
    ['an unknown one', bearer('unknown').headers, 'expired', /error="invalid_token"/],
    ['an oversized one', bearer('x'.repeat(9000)).headers, 'expired', /error="invalid_token"/],
  ])('(%s) is answered 401', async (_which, headers, code, challenge) => {
    for (const path of ['Patient', 'Patient/1', '', 'Dragon', '$graphql']) {
      const answer = await fetch(`${server.fhirBase}/${path}`, { headers });

      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(challenge);
      expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code }] });
    }
  });

  test('in the URL is not looked at', async () => {
    const keys = await keyPair();
    const token = await tokenFor(server, await addBackend(server, keys), keys);

    expect((await fetch(`${server.fhirBase}/Patient?access_token=${token}`)).status).toBe(401);
  });

  test('but with two headers is refused, even if one is good', async () => {
    const keys = await keyPair();
    const token = await tokenFor(server, await addBackend(server, keys), keys);
    const line = `authorization: Bearer ${token}\r\n`;

    const text = await raw(
      server.port,
      `GET /fhir/Patient HTTP/1.1\r\nhost: x\r\n${line}${line}connection: close\r\n\r\n`,
    );

    expect(parseAnswer(text)).toMatchObject({ status: 400 });
  });

  test('does not get to send its body', async () => {
    const answer = await fetch(`${server.fhirBase}/Patient`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: '{"resourceType":"Patient"',
    });

    expect(answer.status).toBe(401);
  });
});

describe('pages of other origins', () => {
  const preflight = (origin: string, path = 'Patient'): Promise<Response> =>
    fetch(`${server.fhirBase}/${path}`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });

  it('may ask where a client has its redirect URI', async () => {
    const origin = 'https://app.example.org';
    const answer = await preflight(origin);

    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answer.headers.get('access-control-allow-headers')).toContain('Authorization');
    const refused = await fetch(`${server.fhirBase}/Patient`, { headers: { origin } });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin);
  });

  it.each(['https://app.example.org.evil.example', 'https://app.example', 'http://app.example.org', 'null'])(
    'may not from %s',
    async (origin) => {
      expect((await preflight(origin)).status).toBe(403);
      const read = await fetch(`${server.fhirBase}/Patient`, { headers: { origin } });
      expect(read.headers.get('access-control-allow-origin')).toBeNull();
    },
  );
});
