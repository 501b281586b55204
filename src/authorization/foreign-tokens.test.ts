/** Tokens of an issuer that is trusted beside the built-in one, and those that only look like them. */
import { createHmac } from 'node:crypto';
import { exportSPKI, importJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { fetcherOnThisMachine, type Site, serveHttp } from '../net/testing.js';
import { bearer, jwksText, type KeyPair, keyPair, type SmartServer, startSmartServer } from './testing.js';

const ISSUER = 'https://login.hospital.example';

let server: SmartServer;
let site: Site;
let keys: KeyPair;
let published: string;
let fetches = 0;

beforeAll(async () => {
  keys = await keyPair('ES384', 'first');
  published = jwksText(keys);
  site = await serveHttp((_request, response) => {
    fetches += 1;
    response.setHeader('content-type', 'application/json').end(published);
  });
  server = await startSmartServer(
    {
      trustedIssuer: ISSUER,
      trustedAudience: 'urn:fairway',
      trustedKeySetUrl: `http://login.test:${site.port}/jwks`,
    },
    fetcherOnThisMachine(),
  );
});

afterAll(async () => {
  await server.stop();
  await site.stop();
});

/** Undefined takes a claim away. */
type Claims = Record<string, unknown>;

const now = (): number => Math.floor(Date.now() / 1000);

function claims(more: Claims = {}): Claims {
  return {
    iss: ISSUER,
    aud: 'urn:fairway',
    exp: now() + 60,
    client_id: 'app',
    scope: 'system/Patient.rs',
    ...more,
  };
}

function signed(more: Claims = {}, { privateKey, alg, kid }: KeyPair = keys): Promise<string> {
  return new SignJWT(claims(more)).setProtectedHeader({ alg, kid, typ: 'at+jwt' }).sign(privateKey);
}

async function status(token: string, path = 'Patient'): Promise<number> {
  return (await fetch(`${server.fhirBase}/${path}`, bearer(token))).status;
}

describe('a token of the trusted issuer', () => {
  it('opens what its scopes say', async () => {
    const token = await signed();

    expect([await status(token), await status(token), await status(token, 'Observation')]).toEqual([
      200, 200, 403,
    ]);
    expect(fetches).toBe(1);
  });

  it('may name its scopes as a list', async () => {
    expect(await status(await signed({ scope: undefined, scp: ['system/Patient.rs'] }))).toBe(200);
  });

  it('opens one record to a patient', async () => {
    const user = {
      sub: 's',
      fhirUser: 'https://elsewhere.example/Patient/p',
      patient: 'p',
      scope: 'patient/*.rs',
    };
    const token = await signed(user);

    expect([await status(token), await status(token, 'Patient/q')]).toEqual([200, 404]);
  });

  it.each<[string, () => Claims]>([
    ['has expired', () => ({ exp: now() - 120 })],
    ['never ends', () => ({ exp: undefined })],
    ['holds in the future', () => ({ nbf: now() + 120 })],
    ['is for another server', () => ({ aud: 'urn:other' })],
    ['is for nobody', () => ({ aud: undefined })],
    ['is of another issuer', () => ({ iss: 'https://evil.example' })],
  ])('that %s is refused', async (_which, more) => {
    expect(await status(await signed(more()))).toBe(401);
  });
});

describe('a forged token is refused', () => {
  test('signed with another key, named like the true one', async () => {
    expect(await status(await signed({}, await keyPair('ES384', 'first')))).toBe(401);
  });

  test('without a signature', async () => {
    const head = encoded({ alg: 'none' });
    expect(await status(`${head}.${encoded(claims())}.`)).toBe(401);
  });

  test('signed with the public key as if it were a secret', async () => {
    const key = await importJWK(keys.publicJwk, 'ES384');
    if (key instanceof Uint8Array) throw new Error('a public key is no secret');
    const text = `${encoded({ alg: 'HS256', kid: 'first' })}.${encoded(claims())}`;
    const signature = createHmac('sha256', await exportSPKI(key))
      .update(text)
      .digest('base64url');
    expect(await status(`${text}.${signature}`)).toBe(401);
  });

  test('that brings its key along, or says where it is', async () => {
    const thief = await keyPair('ES384', 'thief');
    for (const header of [{ jwk: thief.publicJwk }, { jku: 'https://evil.example/jwks' }]) {
      const jwt = new SignJWT(claims()).setProtectedHeader({ alg: 'ES384', kid: 'thief', ...header });
      expect(await status(await jwt.sign(thief.privateKey))).toBe(401);
    }
  });
});

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
