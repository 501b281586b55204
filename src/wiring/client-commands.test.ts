/** Clients and keys by the command line, beside a running server. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askToken, assertion, bearer, jwksText, type KeyPair, keyPair } from '../authorization/testing.js';
import { type Finished, fairway, type ServerProcess, serveProcess } from './testing.js';

let folder: string;
let settings: Record<string, string>;
let server: ServerProcess;
let keys: KeyPair;
let jwks: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-clients-'));
  settings = { FAIRWAY_AUTH: 'smart', FAIRWAY_DATA_DIR: join(folder, 'data'), FAIRWAY_WORKERS: '2' };
  server = await serveProcess(settings);
  keys = await keyPair();
  jwks = join(folder, 'keys.json');
  writeFileSync(jwks, jwksText(keys));
});

afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.end;
  rmSync(folder, { recursive: true, force: true });
});

function client(...words: readonly string[]): Promise<Finished> {
  return fairway(['client', ...words], settings);
}

describe('fairway client', () => {
  it('adds a backend client that a running server lets in, in each worker, until it is disabled', async () => {
    const added = await client(
      'add',
      '--type',
      'backend',
      '--jwks',
      jwks,
      '--scope',
      'system/*.rs',
      '--json',
    );
    const { client_id: id } = JSON.parse(added.output) as { client_id: string };
    const tokenUrl = `http://localhost:${server.port}/auth/token`;
    const answer = await askToken({ tokenUrl }, await assertion({ tokenUrl }, id, keys));
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const statuses = async (): Promise<Set<number>> => {
      const asked = Array.from({ length: 12 }, () => fetch(`${server.url}/fhir/Patient`, bearer(token)));
      return new Set((await Promise.all(asked)).map(({ status }) => status));
    };

    expect(await statuses()).toEqual(new Set([200]));
    expect((await client('list')).output).toMatch(new RegExp(`${id}  active    backend`));
    expect((await client('disable', id)).output).toContain('disabled');
    expect(await statuses()).toEqual(new Set([401]));
    expect((await client('enable', id)).status).toBe(0);
    expect(await statuses()).toEqual(new Set([200]));
  });

  it('writes a secret once, and rotates it', async () => {
    const words = ['--redirect-uri', 'https://app.example.org/back', '--scope', 'openid patient/*.rs'];
    const added = await client('add', '--type', 'confidential', ...words);
    const [id = '', secret = ''] = [/client_id +(\S+)/, /client_secret +(\S+)/].map(
      (pattern) => pattern.exec(added.output)?.[1],
    );
    const listed = await client('list', '--json');
    const rotated = await client('rotate', id, '--json');

    expect(secret).toHaveLength(43);
    expect(listed.output).toContain(id);
    expect(listed.output).not.toContain(secret);
    expect(listed.output).not.toContain('scrypt');
    const { client_secret: next } = JSON.parse(rotated.output) as { client_secret: string };
    expect(next).toHaveLength(43);
    expect(next).not.toBe(secret);
  });

  it('says all that is wrong at once', async () => {
    const words = ['--redirect-uri', 'http://app.example.org/*', '--scope', 'patient/Dragon.rs system/*.rs'];
    const { status, errors } = await client('add', '--type', 'public', '--jwks', jwks, ...words);

    expect(status).toBe(2);
    expect(errors).toContain('4 problems');
    expect(errors).toContain('wildcard');
    expect(errors).toContain('keep no keys');
    expect(errors).toContain('patient/Dragon.rs');
    expect(errors).toContain('system/*.rs');
  });

  it.each([
    [['add', '--type', 'secret', '--scope', 'system/*.rs'], 'The type must be'],
    [['add', '--type', 'backend', '--scope', 'system/*.rs'], 'proves itself by its keys'],
    [['add', '--type', 'public', '--scope', 'openid'], 'needs a redirect URI'],
    [['disable', 'nobody'], 'There is no client nobody'],
    [['frob'], "unknown command 'frob'"],
    [['add'], '--type'],
  ])('refuses %j', async (words, why) => {
    const { status, errors } = await client(...words);

    expect(status).toBe(2);
    expect(errors).toContain(why);
  });

  it('explains itself', async () => {
    expect((await client('--help')).output).toMatch(/ add .*[\s\S]* list [\s\S]*Examples:/);
    expect((await client('add', '--help')).output).toContain('--redirect-uri');
  });
});

describe('fairway client token', () => {
  it('makes a token by which so many clients register at the running server', async () => {
    const made = await client('token', '--uses', '2', '--days', '3', '--json');
    const { initial_access_token: token, uses } = JSON.parse(made.output) as Record<string, unknown>;
    const register = async (): Promise<number> => {
      const answer = await fetch(`${server.url}/auth/register`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: '{"redirect_uris":["https://app.example.org/"],"scope":"patient/*.rs","token_endpoint_auth_method":"none"}',
      });
      return answer.status;
    };

    expect(uses).toBe(2);
    expect([await register(), await register(), await register()]).toEqual([201, 201, 401]);
    expect(readFileSync(join(folder, 'data', 'fairway.db'), 'latin1')).not.toContain(String(token));
    expect((await client('token', '--end-all')).output).toBe('ended: 1 initial access token\n');
  });

  it.each([
    [['--uses', '0'], 'from 1 to 1000'],
    [['--uses', 'many'], 'whole number'],
    [['--days', '91'], 'from 1 to'],
  ])('refuses %j', async (words, why) => {
    const { status, errors } = await client('token', ...words);

    expect(status).toBe(2);
    expect(errors).toContain(why);
  });
});

describe('fairway user', () => {
  it('takes no password but a long one, from standard input', async () => {
    const words = ['user', 'add', '--login', 'anna', '--fhir-user', 'Dragon/1', '--password-stdin'];
    const { status, errors } = await fairway(words, settings);

    expect(status).toBe(2);
    expect(errors).toContain('Who the person is must be one of');
    expect(errors).toContain('8 to 256 characters');
  });
});

describe('fairway keys', () => {
  it('rotates while the server publishes both keys', async () => {
    const published = async (): Promise<string[]> => {
      const answer = await fetch(`${server.url}/auth/jwks`);
      const set = (await answer.json()) as { keys: { kid: string; d?: string }[] };
      expect(set.keys.every(({ d }) => d === undefined)).toBe(true);
      return set.keys.map(({ kid }) => kid);
    };
    const [first] = await published();

    const { output } = await fairway(['keys', 'rotate'], settings);

    const [second] = output.split(' ');
    expect(await published()).toEqual([second, first]);
    const discarded = await fairway(['keys', 'rotate', '--discard'], settings);
    expect(await published()).toEqual([discarded.output.split(' ')[0]]);
  });

  it('are encrypted in the store with a key beside it, which is its owner’s alone', async () => {
    await fetch(`${server.url}/auth/jwks`);
    const file = join(folder, 'data', 'keys', 'sealing.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const store = readFileSync(join(folder, 'data', 'fairway.db'), 'latin1');
    expect(store).not.toContain('"d":"');
  });
});
