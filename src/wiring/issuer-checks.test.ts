/** What `fairway doctor` finds out about the authorization servers of others, asked over real sockets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../config.js';
import { type Site, serveHttp } from '../net/testing.js';
import { issuerChecks } from './issuer-checks.js';

let folder: string;
let site: Site;
let answer: RequestListener;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-issuers-'));
  writeFileSync(join(folder, 'secret'), 'a secret');
  site = await serveHttp((request, response) => answer(request, response));
});

afterEach(async () => {
  await site.stop();
  rmSync(folder, { recursive: true });
});

/** What the only check says, or what it finds wrong. */
async function told(settings: Readonly<Record<string, string>>): Promise<string> {
  const config = readConfig(undefined, {
    FAIRWAY_FETCH_HTTP: 'on',
    FAIRWAY_FETCH_PRIVATE_HOSTS: '127.0.0.1',
    ...settings,
  });
  const checks = issuerChecks(config);
  expect(checks).toHaveLength(1);
  try {
    return `ok: ${await checks[0]?.run()}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const json =
  (bodies: Readonly<Record<string, unknown>>): RequestListener =>
  ({ url = '' }, response) => {
    const body = bodies[url.split('?', 1)[0] ?? ''];
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? {}));
  };

it('asks nobody where the settings name nobody', () => {
  expect(issuerChecks(readConfig(undefined, {}))).toEqual([]);
});

describe('the identity provider of the hospital', () => {
  const DISCOVERY = '/.well-known/openid-configuration';
  const check = (): Promise<string> =>
    told({ FAIRWAY_UPSTREAM_ISSUER: issuer(), FAIRWAY_UPSTREAM_CLIENT_ID: 'fairway' });
  const issuer = (): string => `http://127.0.0.1:${site.port}`;
  const metadata = (more: object = {}): object => ({
    issuer: issuer(),
    jwks_uri: `${issuer()}/jwks`,
    authorization_endpoint: `${issuer()}/authorize`,
    ...more,
  });

  it('is fine where it is found, is who it says, and has keys', async () => {
    answer = json({ [DISCOVERY]: metadata(), '/jwks': { keys: [{ kty: 'RSA' }] } });

    expect(await check()).toBe(`ok: ${issuer()} answers and has 1 keys`);
  });

  it.each<[string, () => RequestListener]>([
    ['is not there', () => json({})],
    ['is another', () => json({ [DISCOVERY]: metadata({ issuer: 'https://evil.example' }) })],
    ['has no key set', () => json({ [DISCOVERY]: metadata({ jwks_uri: undefined }) })],
    ['does not publish its keys', () => json({ [DISCOVERY]: metadata() })],
    ['has no keys', () => json({ [DISCOVERY]: metadata(), '/jwks': { keys: [] } })],
  ])('is a problem where it %s', async (_which, listener) => {
    answer = listener();

    expect(await check()).toMatch(/cannot be used \(.+\): check FAIRWAY_UPSTREAM_ISSUER/);
  });

  it('is a problem where nobody answers', async () => {
    await site.stop();

    expect(await check()).toMatch(/cannot be used/);
    site = await serveHttp((request, response) => answer(request, response));
  });
});

describe('the introspection endpoint', () => {
  const check = (): Promise<string> =>
    told({
      FAIRWAY_INTROSPECTION_URL: `http://127.0.0.1:${site.port}/introspect`,
      FAIRWAY_INTROSPECTION_ISSUER: 'https://opaque.example',
      FAIRWAY_INTROSPECTION_CLIENT_ID: 'fairway',
      FAIRWAY_INTROSPECTION_SECRET_FILE: join(folder, 'secret'),
    });

  it('is fine where it does not know a made-up token', async () => {
    answer = json({ '/introspect': { active: false } });

    expect(await check()).toBe(`ok: http://127.0.0.1:${site.port}/introspect answers`);
  });

  it.each<[string, RequestListener]>([
    ['takes everything for good', json({ '/introspect': { active: true } })],
    ['does not know this server', (_request, response) => void response.writeHead(401).end()],
    ['is not there', json({})],
  ])('is a problem where it %s', async (_which, listener) => {
    answer = listener;

    expect(await check()).toMatch(/gives no answer \(.+\): check FAIRWAY_INTROSPECTION_URL/);
  });
});
