/** Tokens that say nothing by themselves: another authorization server is asked about them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, exportJWK, generateKeyPair, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetcherOnThisMachine, type Site, serveHttp } from '../net/testing.js';
import { HOLDS } from './introspected-tokens.js';
import {
  addBackend,
  bearer,
  jwksText,
  keyPair,
  type SmartServer,
  startSmartServer,
  tokenFor,
} from './testing.js';

const ISSUER = 'https://opaque.hospital.example';
const AUDIENCE = 'urn:fairway';
const SECRET = 'a:secret/with+signs';

let server: SmartServer;
let site: Site;
let folder: string;
/** What the other server says of tokens, and what it does. */
const known = new Map<string, Record<string, unknown>>();
let behaviour: 'answers' | 'fails' | 'denies' | 'stutters' = 'answers';
let asked: { readonly token: string; readonly authorization: string; readonly form: URLSearchParams }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-introspection-'));
  writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
  site = await serveHttp(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const form = new URLSearchParams(Buffer.concat(pieces).toString());
    const token = form.get('token') ?? '';
    asked.push({ token, authorization: request.headers.authorization ?? '', form });
    response.setHeader('content-type', 'application/json');
    if (behaviour === 'fails') return void response.writeHead(500).end('{}');
    if (behaviour === 'denies') return void response.writeHead(401).end('{"error":"invalid_client"}');
    if (behaviour === 'stutters') return void response.end('{"active":"yes"');
    response.end(JSON.stringify(known.get(token) ?? { active: false }));
  });
  server = await startSmartServer(
    { ...settings(), introspectionSecretFile: join(folder, 'secret') },
    fetcherOnThisMachine(),
  );
}, 60_000);

afterAll(async () => {
  await server.stop();
  await site.stop();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  known.clear();
  asked = [];
  behaviour = 'answers';
});

function settings(): Record<string, string | boolean> {
  return {
    introspectionUrl: `http://opaque.test:${site.port}/introspect`,
    introspectionIssuer: ISSUER,
    introspectionAudience: AUDIENCE,
    introspectionClientId: 'fairway:server',
    fetchHttp: true,
  };
}

const now = (): number => Math.floor(Date.now() / 1000);
let made = 0;

/** A token of which the other server says this; undefined takes a member away. */
function tokenOf(more: Record<string, unknown> = {}): string {
  made += 1;
  const token = `opaque-${made}`;
  const usual = { active: true, aud: AUDIENCE, iss: ISSUER, exp: now() + 60, client_id: 'app' };
  known.set(token, { ...usual, scope: 'system/Patient.rs', ...more });
  return token;
}

async function status(token: string, path = 'Patient', by = server): Promise<number> {
  return (await fetch(`${by.fhirBase}/${path}`, bearer(token))).status;
}

describe('a token that the other server calls active', () => {
  it('opens what its scopes say, in both notations, and is asked about once in a while', async () => {
    const token = tokenOf({ scope: 'system/Patient.read openid' });

    expect([await status(token), await status(token), await status(token, 'Observation')]).toEqual([
      200, 200, 403,
    ]);
    expect(asked).toHaveLength(1);
    const { authorization, form } = asked[0] ?? {};
    expect(form?.get('token_type_hint')).toBe('access_token');
    const [id, secret] = Buffer.from(authorization?.replace('Basic ', '') ?? '', 'base64')
      .toString()
      .split(':');
    expect([id, secret].map((part) => decodeURIComponent(part ?? ''))).toEqual(['fairway:server', SECRET]);
  });

  it('opens one record to a patient', async () => {
    const user = { sub: 's', fhirUser: 'https://x.example/Patient/p', patient: 'p', scope: 'patient/*.rs' };
    const token = tokenOf({ ...user, aud: ['urn:other', AUDIENCE] });

    expect([await status(token), await status(token, 'Patient/q')]).toEqual([200, 404]);
  });

  it('is refused within five seconds when it is revoked there', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const token = tokenOf({ exp: now() + 600 });
      expect(await status(token)).toBe(200);
      known.delete(token);
      vi.setSystemTime(Date.now() + HOLDS);

      expect(HOLDS).toBeLessThan(5_000);
      expect(await status(token)).toBe(401);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is refused when its time has passed, though the answer is still remembered', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const token = tokenOf({ exp: now() + 2 });
      expect(await status(token)).toBe(200);
      vi.setSystemTime(Date.now() + 2_000);

      expect(await status(token)).toBe(401);
      expect(asked).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ['is for another server', { aud: 'urn:other' }],
    ['is for nobody', { aud: undefined }],
    ['is of another issuer', { iss: 'https://evil.example' }],
    ['has expired', { exp: now() - 1 }],
    ['ends when nobody can read', { exp: 'tomorrow' }],
    ['is not good yet', { nbf: now() + 600 }],
    ['is bound to a key', { cnf: { jkt: 'x' } }],
    ['is not active', { active: false }],
  ])('and that %s is refused', async (_which, more) => {
    expect(await status(tokenOf(more))).toBe(401);
  });
});

describe('a token that is not known there', () => {
  it('is refused, and asked about once in a while', async () => {
    const answers = await Promise.all([status('stranger'), status('stranger'), status('stranger')]);

    expect(answers).toEqual([401, 401, 401]);
    expect(asked).toHaveLength(1);
  });
});

describe('without an answer', () => {
  it.each(['fails', 'denies', 'stutters'] as const)(
    '(the other server %s) nobody comes in: 503',
    async (how) => {
      const token = tokenOf();
      behaviour = how;
      const answer = await fetch(`${server.fhirBase}/Patient`, bearer(token));

      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '10']);
      expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome' });

      behaviour = 'answers';
      expect(await status(token)).toBe(200);
    },
  );
});

describe('of several issuers', () => {
  it('ours is told to nobody', async () => {
    const keys = await keyPair();
    const token = await tokenFor(server, await addBackend(server, keys), keys);

    expect(await status(token)).toBe(200);
    expect(asked).toEqual([]);
  });

  it('only what cannot be told by its issuer is asked about', async () => {
    const keys = await keyPair('ES384', 'first');
    const login = await serveHttp((_request, response) => {
      response.setHeader('content-type', 'application/json').end(jwksText(keys));
    });
    const trusted = {
      trustedIssuer: 'https://login.hospital.example',
      trustedAudience: AUDIENCE,
      trustedKeySetUrl: `http://login.test:${login.port}/jwks`,
    };
    const both = await startSmartServer(
      { ...settings(), ...trusted, introspectionSecretFile: join(folder, 'secret') },
      fetcherOnThisMachine(),
    );
    const jwt = (claims: JWTPayload): Promise<string> =>
      new SignJWT({ aud: AUDIENCE, exp: now() + 60, scope: 'system/Patient.rs', ...claims })
        .setProtectedHeader({ alg: 'ES384', kid: 'first' })
        .sign(keys.privateKey);
    try {
      const theirs = await jwt({ iss: trusted.trustedIssuer });
      const forged = `${theirs.slice(0, -4)}AAAA`;
      const other = await jwt({ iss: ISSUER });
      known.set(other, { active: true, aud: AUDIENCE, scope: 'system/Patient.rs', exp: now() + 60 });
      const opaque = tokenOf();

      const answers = [theirs, forged, other, opaque, 'a.b.c'].map((token) => status(token, 'Patient', both));

      expect(await Promise.all(answers)).toEqual([200, 401, 200, 200, 401]);
      expect(asked.map(({ token }) => token).sort()).toEqual([other, opaque, 'a.b.c'].sort());
    } finally {
      await both.stop();
      await login.stop();
    }
  });
});

describe('this server', () => {
  it('can prove itself there by a key', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const file = join(folder, 'key.json');
    writeFileSync(
      file,
      JSON.stringify({ ...(await exportJWK(privateKey)), alg: 'ES256', kid: 'of-fairway' }),
    );
    const byKey = await startSmartServer(
      { ...settings(), introspectionKeyFile: file },
      fetcherOnThisMachine(),
    );
    try {
      expect(await status(tokenOf(), 'Patient', byKey)).toBe(200);

      const assertion = asked[0]?.form.get('client_assertion') ?? '';
      const { payload, protectedHeader } = await jwtVerify(assertion, publicKey, {
        subject: 'fairway:server',
      });
      expect([payload.iss, protectedHeader.kid]).toEqual(['fairway:server', 'of-fairway']);
      expect(decodeJwt(assertion).aud).toBeDefined();
    } finally {
      await byKey.stop();
    }
  });

  it.each([
    ['empty', '', 'is empty'],
    ['no key', '{"kty":"EC"}', 'is no private key'],
    ['no JSON', 'x', 'is no private key'],
  ])(
    'does not start with a key file that is %s, and does not tell what is in it',
    async (_which, text, told) => {
      const file = join(folder, 'bad.json');
      writeFileSync(file, text);

      await expect(startSmartServer({ ...settings(), introspectionKeyFile: file })).rejects.toThrow(told);
    },
  );
});
