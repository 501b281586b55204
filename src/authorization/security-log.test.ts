/** What the authorization server tells the audit log: who came in, who was let in, and what was tried. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_POLICIES } from '../access/policies.js';
import type { AuditRecord } from '../ports/audit-log.js';
import { Browsing, type Left, type Shown } from './browsing/testing.js';
import type { RegisteredClient } from './clients/client.js';
import {
  addBackend,
  askToken,
  assertion,
  bearer,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
  tokenFor,
} from './testing.js';

const BACK = 'https://app.example.org/back';
const SCOPE = 'launch/patient offline_access patient/Patient.rs';
const PASSWORD = 'correct horse';
const ADA = 'Patient/ada';

/** Of a bundle of AuditEvents; an outcome may be among them. */
interface Entry {
  readonly resource: {
    readonly type?: { readonly code: string };
    readonly subtype?: { readonly code: string }[];
  };
}

let server: SmartServer;
let app: string;
let keys: KeyPair;
let ehr: RegisteredClient;
let seen: number;
let browser: Browsing;
let verifier: string;

beforeAll(async () => {
  const auditing = { types: ['AuditEvent'], permissions: 'rs' };
  const { clients: services } = DEFAULT_POLICIES;
  server = await startSmartServer({
    access: { ...DEFAULT_POLICIES, clients: { ...services, rules: [...services.rules, auditing] } },
  });
  const { clients, users } = server.authorization;
  const wanted = { name: 'Chart', jwks: undefined, jwksUrl: undefined, redirectUris: [BACK] };
  app = (await clients.add({ ...wanted, type: 'public', scope: SCOPE }, 'active')).client.id;
  keys = await keyPair();
  ehr = await addBackend(server, keys, 'launch system/*.cruds system/AuditEvent.rs');
  await users.add({ login: 'ada', password: PASSWORD, fhirUser: ADA, roles: [], patients: [] });
  const token = await tokenFor(server, ehr, keys, 'system/*.cruds');
  const put = await fetch(`${server.fhirBase}/${ADA}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json', ...bearer(token).headers },
    body: '{"resourceType":"Patient","id":"ada"}',
  });
  expect(put.status).toBe(201);
}, 120_000);

afterAll(() => server.stop());

beforeEach(async () => {
  browser = new Browsing(server.url);
  verifier = randomBytes(32).toString('base64url');
  seen = (await allRecords()).length;
});

/** The log as it lies on the disk. */
async function allRecords(): Promise<readonly AuditRecord[]> {
  const batches = await server.tenant.store.audit.read(0, 10_000);
  return batches.flatMap(({ records }) => records);
}

/** What came since the test began, without times and what all of them have. */
async function told(): Promise<readonly object[]> {
  const records = (await allRecords()).slice(seen);
  for (const { network, requestId, time } of records) {
    expect([network, requestId, time]).toEqual(['127.0.0.1', expect.any(String), expect.any(Number)]);
  }
  return records.map(({ interaction, outcome, client, user, scope, patients }) =>
    // Absent members are left out, so that a test lists what is there.
    JSON.parse(JSON.stringify({ interaction, outcome, client, user, scope, patients })),
  );
}

function start(more: Readonly<Record<string, string>> = {}): Promise<Shown | Left> {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app,
    redirect_uri: BACK,
    scope: SCOPE,
    state: 's',
    aud: server.fhirBase,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  });
  return browser.open(`${server.url}/auth/authorize?${query}`);
}

async function allowed(): Promise<Record<string, string>> {
  await start();
  await browser.send({ login: 'ada', password: PASSWORD });
  const end = await browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] });
  const code = ('left' in end && end.left.searchParams.get('code')) || '';
  return { grant_type: 'authorization_code', code, redirect_uri: BACK, code_verifier: verifier };
}

async function ask(form: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const body = new URLSearchParams({ client_id: app, ...form });
  return (await (await fetch(server.tokenUrl, { method: 'POST', body })).json()) as Record<string, string>;
}

const success = { outcome: 'success' };
const refused = { outcome: 'refused' };

describe('a person', () => {
  it('signs in, allows an app, and takes it back: each is recorded before the answer', async () => {
    await start();
    await browser.send({ login: 'ada', password: 'wrong' });
    const ofRefusal = await told();
    await browser.send({ login: 'ada', password: PASSWORD });
    const ofSignIn = await told();
    await browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] });
    const ofConsent = await told();
    await browser.open(`${server.url}/auth/apps`);
    const grant = /name="grant" value="([^"]*)"/.exec(browser.shown.text)?.[1] ?? '';
    seen = (await allRecords()).length;
    await browser.send({ decision: 'end', grant });
    const ofEnd = (await told()).filter((each) => !('interaction' in each && each.interaction === 'read'));
    await browser.send({ decision: 'sign-out' });

    const about = { client: app, user: ADA };
    expect(ofRefusal).toEqual([{ interaction: 'sign-in', ...refused, ...about }]);
    expect(ofSignIn).toContainEqual({ interaction: 'sign-in', ...success, ...about });
    const granted = { ...about, scope: SCOPE, patients: ['ada'] };
    expect(ofConsent).toContainEqual({ interaction: 'consent', ...success, ...granted });
    expect(ofEnd).toContainEqual({ interaction: 'grant-end', ...success, ...granted });
    expect(await told()).toContainEqual({ interaction: 'sign-out', ...success, user: ADA });
  });

  it('says no', async () => {
    await start();
    await browser.send({ decision: 'deny' });

    expect(await told()).toEqual([{ interaction: 'consent', ...refused, client: app }]);
  });

  it('is kept waiting after many attempts, each of them told', async () => {
    await start();
    for (let at = 0; at < 7; at++) await browser.send({ login: 'mallory', password: `guess-${at}` });

    expect(await told()).toEqual(
      Array.from({ length: 7 }, () => ({ interaction: 'sign-in', ...refused, client: app })),
    );
  });

  it('is not asked by a form from elsewhere', async () => {
    await start();
    await browser.send({ login: 'ada', password: PASSWORD }, { origin: 'https://evil.example' });

    expect(await told()).toEqual([{ interaction: 'forged-form', ...refused }]);
  });
});

describe('an app', () => {
  const about = { user: ADA, scope: 'launch/patient patient/Patient.rs', patients: ['ada'] };

  it('gets tokens, refreshes and revokes them', async () => {
    const first = await ask(await allowed());
    seen = (await allRecords()).length;
    const second = await ask({ grant_type: 'refresh_token', refresh_token: first.refresh_token ?? '' });
    const body = new URLSearchParams({ client_id: app, token: second.refresh_token ?? '' });
    await fetch(`${server.url}/auth/token/revocation`, { method: 'POST', body });

    expect(await told()).toEqual([
      { interaction: 'token-refresh', ...success, client: app, ...about },
      { interaction: 'revocation', ...success, client: app },
    ]);
  });

  it('uses a code again, or a refresh token: an alert', async () => {
    const code = await allowed();
    seen = (await allRecords()).length;
    const first = await ask(code);
    await ask({ grant_type: 'refresh_token', refresh_token: first.refresh_token ?? '' });
    await ask({ grant_type: 'refresh_token', refresh_token: first.refresh_token ?? '' });
    await ask(code);

    expect(await told()).toEqual([
      { interaction: 'token', ...success, client: app, ...about },
      { interaction: 'token-refresh', ...success, client: app, ...about },
      { interaction: 'replay', ...refused, client: app },
      { interaction: expect.stringMatching(/^(replay|token)$/), ...refused, client: app },
    ]);
  });

  it('asks for a code that it may not have', async () => {
    await start({ aud: 'https://other.example.org/fhir' });

    expect(await told()).toEqual([{ interaction: 'authorize', ...refused, client: app }]);
  });

  it('cannot prove itself, or proves itself twice by one assertion', async () => {
    const once = await assertion(server, ehr.id, keys);
    await askToken(server, once);
    await askToken(server, once);
    await askToken(server, await assertion(server, ehr.id, await keyPair('ES384', keys.kid)));

    expect(await told()).toEqual([
      { interaction: 'token', ...success, client: ehr.id, scope: 'system/*.rs' },
      { interaction: 'replay', ...refused, client: ehr.id },
      { interaction: 'client-authentication', ...refused, client: ehr.id },
    ]);
  });
});

describe('an EHR', () => {
  it('makes a launch, and whoever is none does not', async () => {
    const token = await tokenFor(server, ehr, keys, 'system/*.rs');
    seen = (await allRecords()).length;
    const launch = (headers: Readonly<Record<string, string>>) =>
      fetch(`${server.url}/auth/launch`, { method: 'POST', headers, body: '{"patient":"ada","user":"ada"}' });
    await launch(bearer(token).headers);
    await launch({});

    expect(await told()).toEqual([
      { interaction: 'launch', ...success, client: ehr.id, user: ADA, patients: ['ada'] },
      { interaction: 'launch', ...refused },
    ]);
  });
});

describe('the log', () => {
  it('holds no password, code or token', async () => {
    const code = await allowed();
    const tokens = await ask(code);
    await start();
    await browser.open(`${server.url}/auth/authorize`);
    const text = JSON.stringify(await allRecords());

    expect(tokens.refresh_token).toBeDefined();
    for (const secret of [
      PASSWORD,
      code.code,
      tokens.access_token,
      tokens.refresh_token,
      'guess-',
      'mallory',
    ])
      expect(text).not.toContain(secret);
  });

  it('becomes AuditEvents of user authentication and of security alerts', async () => {
    await ask(await allowed());
    const manager = await tokenFor(
      server,
      await addBackend(server, keys, 'fairway/admin'),
      keys,
      'fairway/admin',
    );
    await fetch(`${server.url}/admin/clients/${ehr.id}/enable`, { method: 'POST', ...bearer(manager) });
    const token = await tokenFor(server, ehr, keys, 'system/AuditEvent.rs');
    const types = async (): Promise<readonly string[]> => {
      const answer = await fetch(`${server.fhirBase}/AuditEvent?_count=1000`, bearer(token));
      const { entry = [] } = (await answer.json()) as { entry?: readonly Entry[] };
      return entry.map(({ resource: { type, subtype } }) => `${type?.code} ${subtype?.[0]?.code}`);
    };
    const wanted = [
      '110114 110122',
      '110114 consent',
      '110114 ITI-71',
      '110113 replay',
      '110113 110126',
      '110113 110129',
    ];

    // Events are made behind the requests: on a busy machine they take some searches.
    await expect.poll(types, { timeout: 240_000 }).toEqual(expect.arrayContaining(wanted));
  });
});
