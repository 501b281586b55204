/** Whoever tries to come in with an assertion that is not good: all of them stay outside. */
import { createHmac } from 'node:crypto';
import { type CryptoKey, exportSPKI, importJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { RegisteredClient } from './clients/client.js';
import {
  addBackend,
  askToken,
  assertion,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
} from './testing.js';

let server: SmartServer;
let keys: KeyPair;
let thief: KeyPair;
let client: RegisteredClient;

beforeAll(async () => {
  server = await startSmartServer();
  [keys, thief] = [await keyPair(), await keyPair()];
  client = await addBackend(server, keys);
});

afterAll(() => server.stop());

async function expectRefused(clientAssertion: string): Promise<void> {
  const answer = await askToken(server, clientAssertion);
  expect(await answer.json()).toMatchObject({ error: 'invalid_client' });
  expect(answer.status).toBe(400);
}

const now = (): number => Math.floor(Date.now() / 1000);

describe('an assertion is refused', () => {
  it.each<[string, () => Record<string, unknown>]>([
    ['that has expired', () => ({ exp: now() - 60 })],
    ['that ends later than in five minutes', () => ({ exp: now() + 400 })],
    ['that never ends', () => ({ exp: undefined })],
    ['whose end is no number', () => ({ exp: 'tomorrow' })],
    ['that was issued in the future', () => ({ iat: now() + 120 })],
    ['that holds in the future', () => ({ nbf: now() + 120 })],
    ['for another server', () => ({ aud: 'https://elsewhere.example/auth/token' })],
    ['for another path here', () => ({ aud: `${server.url}/fhir` })],
    ['for nobody', () => ({ aud: undefined })],
    ['of another issuer', () => ({ iss: 'https://elsewhere.example' })],
    ['whose subject is another', () => ({ sub: 'another' })],
    ['without a jti', () => ({ jti: undefined })],
    ['with an endless jti', () => ({ jti: 'x'.repeat(2000) })],
  ])('%s', async (_which, claims) => {
    await expectRefused(await assertion(server, client.id, keys, claims()));
  });

  it.each<[string, () => Promise<Record<string, unknown>> | Record<string, unknown>]>([
    ['names no key', () => ({ kid: undefined })],
    ['names another key', () => ({ kid: 'other' })],
    ['names a path as key', () => ({ kid: '../../../../dev/null' })],
    ['is no JWT', () => ({ typ: 'at+jwt' })],
    ['names a key set elsewhere', () => ({ jku: 'https://elsewhere.example/jwks.json' })],
    ['names a certificate elsewhere', () => ({ x5u: 'https://elsewhere.example/cert.pem' })],
    ['brings its certificate along', () => ({ x5c: ['AAAA'] })],
    ['brings its key along', () => ({ jwk: thief.publicJwk })],
  ])('whose header %s', async (_what, header) => {
    await expectRefused(await assertion(server, client.id, keys, {}, await header()));
  });

  test('signed with a key that it brings along', async () => {
    await expectRefused(await assertion(server, client.id, thief, {}, { jwk: thief.publicJwk }));
  });

  test('signed by somebody else', async () => {
    await expectRefused(await assertion(server, client.id, thief));
  });

  test('of a client that nobody knows', async () => {
    await expectRefused(await assertion(server, 'nobody', keys));
  });

  test('that says it needs no signature', async () => {
    const [header, payload] = (await assertion(server, client.id, keys)).split('.');
    const none = encoded({ ...decoded(header), alg: 'none' });
    await expectRefused(`${none}.${payload}.`);
    await expectRefused(`${encoded({ ...decoded(header), alg: 'None' })}.${payload}.`);
  });

  test('signed with the public key as if it were a secret', async () => {
    const [header, payload] = (await assertion(server, client.id, keys)).split('.');
    const pem = await exportSPKI((await importJWK(keys.publicJwk, 'ES384')) as CryptoKey);
    for (const secret of [pem, JSON.stringify(keys.publicJwk)]) {
      const signed = `${encoded({ ...decoded(header), alg: 'HS256' })}.${payload}`;
      await expectRefused(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`);
    }
  });

  test('signed by another algorithm than was announced', async () => {
    const weak = await keyPair('RS384');
    const jwt = new SignJWT({
      iss: client.id,
      sub: client.id,
      aud: server.tokenUrl,
      jti: 'w',
      exp: now() + 60,
    });
    await expectRefused(await jwt.setProtectedHeader({ alg: 'RS384', kid: keys.kid }).sign(weak.privateKey));
  });

  test('whose content was changed after it was signed', async () => {
    const [header, payload, signature] = (await assertion(server, client.id, keys)).split('.');
    await expectRefused(`${header}.${encoded({ ...decoded(payload), jti: 'changed' })}.${signature}`);
  });

  test('that came before, here or at another process', async () => {
    const used = await assertion(server, client.id, keys);
    expect((await askToken(server, used)).status).toBe(200);

    await expectRefused(used);
  });

  test('but for one, when the same comes many times at once', async () => {
    const used = await assertion(server, client.id, keys);

    const answers = await Promise.all(Array.from({ length: 10 }, () => askToken(server, used)));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

test('the answer speaks of the issuer, whatever Host and X-Forwarded-Host say', async () => {
  const answer = await fetch(`${server.url}/auth/.well-known/openid-configuration`, {
    headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
  });

  expect(await answer.text()).not.toContain('evil.example');
});

function decoded(part = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
