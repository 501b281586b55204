/** Who we are at the server: assertions, tokens that end, and whom tokens are shown to. */
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSigningKey } from './signing-key.js';
import { type BulkOptions, type BulkServer, keyFile, patientLines, pullWorld, serveBulk } from './testing.js';
import type { Credentials } from './tokens.js';

let world: ReturnType<typeof pullWorld>;
const stops: (() => Promise<void>)[] = [];
beforeEach(() => {
  world = pullWorld();
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  world.end();
});

const FILES = { one: { kind: 'output', type: 'Patient', content: patientLines(20) } } as const;

interface Guarded {
  readonly server: BulkServer;
  readonly credentials: Credentials;
}

async function guarded(
  options: Partial<BulkOptions> = {},
  algorithm: 'ES384' | 'RS384' = 'ES384',
  form: 'jwk' | 'pem' = 'jwk',
): Promise<Guarded> {
  const keys = await keyFile(algorithm);
  const client = { id: 'night', jwk: keys.publicJwk, algorithm };
  const server = await serveBulk({ clock: world.clock, files: FILES, client, ...options });
  stops.push(() => server.stop());
  const key = await readSigningKey(form === 'jwk' ? JSON.stringify(keys.jwk) : keys.pem, undefined);
  return { server, credentials: { clientId: 'night', key, scope: 'system/*.rs' } };
}

const count = ({ log }: BulkServer, line: string) => log.filter((one) => one.startsWith(line)).length;

describe('a backend service', () => {
  it.each([
    ['ES384', 'jwk'],
    ['RS384', 'jwk'],
    ['ES384', 'pem'],
    ['RS384', 'pem'],
  ] as const)('is let in with %s from a %s', async (algorithm, form) => {
    const { server, credentials } = await guarded({}, algorithm, form);

    const summary = await world.pull(server, { credentials });

    expect(summary.missing).toEqual([]);
    expect(count(server, 'POST /token 200')).toBe(1);
    expect(server.offences).toEqual([]);
  });

  it('renews its token before it ends', async () => {
    const { server, credentials } = await guarded({ polls: 6, retryAfter: 40, tokenLife: 120 });

    await world.pull(server, { credentials });

    expect(count(server, 'POST /token 200')).toBeGreaterThan(2);
    expect(server.log.filter((line) => line.endsWith(' 401'))).toEqual([]);
  });

  it.each(['status', 'one', 'delete'])(
    'asks for another token when its own is refused: %s',
    async (subject) => {
      const { server, credentials } = await guarded();
      server.faults.set(subject, [{ kind: 'revoke' }]);

      const { missing } = await world.pull(server, { credentials });

      expect(missing).toEqual([]);
      expect(server.log.filter((line) => line.endsWith(' 401'))).toHaveLength(1);
      expect(count(server, 'POST /token 200')).toBe(2);
    },
  );

  it('that the server does not know is told why', async () => {
    const { server, credentials } = await guarded();

    const strange = world.pull(server, { credentials: { ...credentials, clientId: 'other' } });

    await expect(strange).rejects.toThrow(/No access token was given: 400: invalid_client; .*"iss"/);
  });

  it('without credentials is told what is missing', async () => {
    const { server } = await guarded();

    await expect(world.pull(server)).rejects.toThrow('Check --client-id and --key');
  });

  it('is told where the token endpoint cannot be found', async () => {
    const { server, credentials } = await guarded();

    const lost = world.pull({ base: `${server.origin}/elsewhere` }, { credentials });

    await expect(lost).rejects.toThrow('--token-url');
  });
});

describe('a token', () => {
  /** Another origin that gives a file to anybody and remembers what it was shown. */
  async function elsewhere(): Promise<{ url: string; shown: IncomingHttpHeaders[] }> {
    const shown: IncomingHttpHeaders[] = [];
    const other: Server = createServer((request, response) => {
      shown.push(request.headers);
      response.end(FILES.one.content);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    stops.push(async () => void other.close());
    return { url: `http://127.0.0.1:${(other.address() as AddressInfo).port}/one`, shown };
  }

  it('does not go along with a redirect to another origin', async () => {
    const { url, shown } = await elsewhere();
    const { server, credentials } = await guarded();
    server.faults.set('one', [{ kind: 'redirect', to: url }]);

    const { missing } = await world.pull(server, { credentials });

    expect(missing).toEqual([]);
    expect(shown.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('is not sent to other hosts without https', async () => {
    const { url, shown } = await elsewhere();
    const { server, credentials } = await guarded({ files: { one: { ...FILES.one, url } } });

    const { missing } = await world.pull(server, { credentials });

    expect(missing).toMatchObject([{ reason: expect.stringContaining('without https') }]);
    expect(shown).toEqual([]);
  });

  it('is not shown for files that need none', async () => {
    const { server, credentials } = await guarded({ requiresAccessToken: false });

    const { missing } = await world.pull(server, { credentials });

    expect(missing).toEqual([]);
    expect(server.offences).toEqual([]);
  });
});

describe('a key file', () => {
  const pem = (pair: { privateKey: { export(options: object): string | Buffer } }) =>
    String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));

  it.each([
    ['another curve', () => pem(generateKeyPairSync('ec', { namedCurve: 'P-256' })), 'P-384'],
    ['a short modulus', () => pem(generateKeyPairSync('rsa', { modulusLength: 1024 })), '2048'],
    ['a public key', async () => JSON.stringify((await keyFile('ES384')).publicJwk), 'no private key'],
    [
      'two keys',
      async () => `{"keys":${JSON.stringify([(await keyFile('ES384')).jwk, (await keyFile('ES384')).jwk])}}`,
      'several',
    ],
    ['half a key', () => '{"kty":"EC","crv":"P-384","d":"c2VjcmV0"}', 'no whole private key'],
    ['broken PEM', () => '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----', 'PEM'],
    ['something else', () => 'c2VjcmV0', 'neither a JWK nor PEM'],
  ])('with %s is refused without being repeated', async (_, text, problem) => {
    const refusal = await readSigningKey(await text(), undefined).catch((error: Error) => error);

    expect(refusal).toMatchObject({ name: 'ExportProblem', message: expect.stringContaining(problem) });
    expect((refusal as Error).message).not.toContain('c2VjcmV0');
  });

  it('in a key set is the one that is private, by its own name', async () => {
    const { jwk, publicJwk } = await keyFile('ES384');

    const key = await readSigningKey(
      JSON.stringify({ keys: [{ ...publicJwk, kid: 'old' }, jwk] }),
      undefined,
    );

    expect(key).toMatchObject({ kid: 'one', algorithm: 'ES384' });
    expect(await readSigningKey(JSON.stringify(jwk), 'given')).toMatchObject({ kid: 'given' });
  });
});
