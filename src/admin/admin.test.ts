/** The management API, over HTTP: by services, by administrators, and by those who are none. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addApp, OneApp, PASSWORD } from '../authorization/one-app/testing.js';
import {
  addBackend,
  askToken,
  assertion,
  jwksText,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
  tokenFor,
} from '../authorization/testing.js';
import type { Auditing } from '../interactions/audit/auditing.js';
import type { AuditRecord } from '../ports/audit-log.js';

const ADMIN = 'fairway/admin';
const BACK = 'https://app.example.org/back';
const APP = { type: 'public', client_name: 'Chart', redirect_uris: [BACK], scope: 'patient/*.rs' };
const ZOE = { login: 'zoe', password: 'correct battery', fhirUser: 'Patient/zoe' };

let server: SmartServer;
let keys: KeyPair;
let service: string;

beforeAll(async () => {
  server = await startSmartServer();
  keys = await keyPair();
  service = await tokenFor(server, await addBackend(server, keys, ADMIN), keys, ADMIN);
  const { users } = server.authorization;
  const common = { password: PASSWORD, patients: [], fhirUser: 'Practitioner/grey' };
  await users.add({ ...common, login: 'root', roles: ['administrator', 'practitioner'] });
  await users.add({ ...common, login: 'grey', roles: ['practitioner'] });
}, 120_000);

afterAll(() => server.stop());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(asked: string, body?: unknown, token = service): Promise<Answer> {
  const [method = '', path = ''] = asked.split(' ');
  const answer = await fetch(`${server.url}/admin/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as Answer['body'] };
}

/** The token of an app that a person opened. */
async function personToken(login: string, scope: string): Promise<string> {
  const app = new OneApp(server, await addApp(server, 'public', `${ADMIN} user/Patient.rs`));
  await app.start(scope);
  await app.signIn(login);
  const { body } = await app.exchange(await app.allow(...scope.split(' ')));
  return String(body.access_token);
}

async function records(): Promise<readonly AuditRecord[]> {
  const batches = await server.tenant.store.audit.read(0, 10_000);
  return batches.flatMap((batch) => batch.records);
}

describe('clients', () => {
  it('are added, shown, listed, disabled and enabled, with effect at once', async () => {
    const represents = ['Organization/lab', 'Device/scanner'];
    const jwks = JSON.parse(jwksText(keys)) as object;
    const backend = { type: 'backend', scope: 'system/*.rs', jwks, represents };
    const added = await ask('POST clients', backend);
    const id = String(added.body.client_id);
    const shown = await ask(`GET clients/${id}`);
    const listed = await ask('GET clients?count=1000');
    const tokens = async (): Promise<number> =>
      (await askToken(server, await assertion(server, id, keys))).status;
    const before = await tokens();
    const disabled = await ask(`POST clients/${id}/disable`);
    const during = await tokens();
    const enabled = await ask(`POST clients/${id}/enable`);

    expect([added.status, added.headers.get('location')]).toEqual([201, `/admin/clients/${id}`]);
    expect(added.headers.get('cache-control')).toBe('no-store');
    expect(shown.body).toMatchObject({ client_id: id, type: 'backend', status: 'active', kids: ['key-1'] });
    expect(shown.body.represents).toEqual(represents);
    expect(listed.body.clients).toContainEqual(shown.body);
    expect([disabled.body.status, enabled.body.status]).toEqual(['disabled', 'active']);
    expect([before, during, await tokens()]).toEqual([200, 400, 200]);
  });

  it('show their secret when it is made, and never again', async () => {
    const added = await ask('POST clients', { ...APP, type: 'confidential' });
    const { client_id: id, client_secret: first } = added.body;
    const rotated = await ask(`POST clients/${id}/rotate`);
    const later = [
      await ask(`GET clients/${id}`),
      await ask('GET clients'),
      await ask(`POST clients/${id}/disable`),
    ];

    expect(first).toMatch(/^[\w-]{43}$/);
    expect(rotated.body.client_secret).toMatch(/^[\w-]{43}$/);
    expect(rotated.body.client_secret).not.toBe(first);
    for (const { text } of later) expect(text).not.toMatch(/client_secret|scrypt/);
  });

  it('wait for approval where that is the rule', async () => {
    const strict = await startSmartServer({ clientApproval: true });
    try {
      const admin = await addBackend(strict, keys, ADMIN);
      const headers = { authorization: `Bearer ${await tokenFor(strict, admin, keys, ADMIN)}` };
      const post = async (path: string, body = ''): Promise<Record<string, unknown>> => {
        const answer = await fetch(`${strict.url}/admin/${path}`, { method: 'POST', headers, body });
        return (await answer.json()) as Record<string, unknown>;
      };
      const added = await post('clients', JSON.stringify(APP));
      const approved = await post(`clients/${added.client_id}/approve`);
      const again = await post(`clients/${added.client_id}/approve`);

      expect([added.status, approved.status]).toEqual(['pending', 'active']);
      expect(again).toMatchObject({ status: 409, detail: expect.stringContaining('pending') });
    } finally {
      await strict.stop();
    }
  });

  it('come page by page', async () => {
    for (let made = 0; made < 3; made++) await ask('POST clients', APP);
    const ids: unknown[] = [];
    for (let next = 'clients?count=2'; next !== ''; ) {
      const { body } = await ask(`GET ${next}`);
      const page = body.clients as readonly { client_id: string }[];
      expect(page.length).toBeLessThanOrEqual(2);
      ids.push(...page.map((client) => client.client_id));
      next = body.next === undefined ? '' : String(body.next).slice('/admin/'.length);
    }

    expect(ids).toEqual((await server.authorization.clients.list()).map(({ id }) => id));
  });
});

describe('people', () => {
  it('are added, listed, disabled and given a password', async () => {
    const added = await ask('POST users', ZOE);
    const { subject } = added.body;
    const { users } = server.authorization;
    const first = await users.signIn('zoe', ZOE.password);
    const changed = await ask(`POST users/${subject}/password`, { password: 'another battery' });
    const second = [await users.signIn('zoe', ZOE.password), await users.signIn('zoe', 'another battery')];
    const disabled = await ask(`POST users/${subject}/disable`);
    const third = await users.signIn('zoe', 'another battery');
    const all = [added, changed, disabled, await ask(`GET users/${subject}`), await ask('GET users')];

    expect(added.status).toBe(201);
    expect(added.body).toMatchObject({
      login: 'zoe',
      fhirUser: 'Patient/zoe',
      roles: ['patient'],
      patients: ['zoe'],
    });
    expect([first, ...second, third].map(({ kind }) => kind)).toEqual([
      'signed-in',
      'refused',
      'signed-in',
      'refused',
    ]);
    expect(disabled.body.status).toBe('disabled');
    for (const { text } of all) expect(text).not.toMatch(/scrypt|battery|"password"/);
  });
});

describe('an administrator', () => {
  it('manages by an app that asked for it, and sees so on the page', async () => {
    const app = new OneApp(server, await addApp(server, 'public', `${ADMIN} user/Patient.rs`));
    await app.start(`${ADMIN} user/Patient.rs`);
    await app.signIn('root');
    expect(app.browser.shown.text).toContain('Manage this server');
    const { body } = await app.exchange(await app.allow(ADMIN));

    expect(body.scope).toBe(ADMIN);
    expect((await ask('GET users', undefined, String(body.access_token))).status).toBe(200);
  });

  it('may keep it from an app, which then manages nothing', async () => {
    const app = new OneApp(server, await addApp(server, 'public', `${ADMIN} user/Patient.rs`));
    await app.start(`${ADMIN} user/Patient.rs`);
    await app.signIn('root');
    const { body } = await app.exchange(await app.allow('user/Patient.rs'));

    expect(body.scope).toBe('user/Patient.rs');
    expect((await ask('GET users', undefined, String(body.access_token))).status).toBe(403);
  });

  it('who loses the role, or is disabled, is out with the next request', async () => {
    const token = await personToken('root', ADMIN);
    const { users } = server.authorization;
    const before = await ask('GET clients', undefined, token);
    await users.setStatus('root', 'disabled');
    const during = await ask('GET clients', undefined, token);
    await users.setStatus('root', 'active');

    expect([before.status, during.status]).toEqual([200, 401]);
  });

  it('cannot lock the own door', async () => {
    const token = await personToken('root', ADMIN);
    const root = await server.authorization.users.byLogin('root');

    expect((await ask(`POST users/${root?.subject}/disable`, undefined, token)).body).toMatchObject({
      status: 409,
      detail: expect.stringContaining('lock you out'),
    });
  });
});

describe('whoever is none', () => {
  it('is not offered the scope, and gets nothing for asking', async () => {
    const app = new OneApp(server, await addApp(server, 'public', `${ADMIN} user/Patient.rs`));
    await app.start(`${ADMIN} user/Patient.rs`);
    await app.signIn('grey');
    expect(app.browser.shown.text).not.toContain('Manage this server');
    const { body } = await app.exchange(await app.allow('user/Patient.rs', ADMIN));
    const alone = new OneApp(server, await addApp(server, 'public', ADMIN));
    await alone.start(ADMIN);
    const end = await alone.signIn('grey');

    expect(body.scope).toBe('user/Patient.rs');
    expect('left' in end && end.left.searchParams.get('error')).toBe('access_denied');
    expect((await ask('GET clients', undefined, String(body.access_token))).status).toBe(403);
  });

  it.each([
    ['without a token', undefined, 401],
    ['with a guessed one', 'Bearer guessed', 401],
    ['with a password', 'Basic cm9vdDpyb290', 401],
  ])('%s learns nothing', async (_which, authorization, status) => {
    for (const path of ['clients', 'users', 'dragons', 'clients/1/disable', '', '/', '%']) {
      const answer = await fetch(`${server.url}/admin/${path}`, {
        headers: authorization === undefined ? {} : { authorization },
      });

      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  it('as a service with other scopes is told which one it needs', async () => {
    const other = await tokenFor(server, await addBackend(server, keys, 'system/*.cruds launch'), keys);
    const { status, headers } = await ask('GET clients', undefined, other);

    expect(status).toBe(403);
    expect(headers.get('www-authenticate')).toContain(`scope="${ADMIN}"`);
  });

  it('as a service is not granted a scope that it was not registered with', async () => {
    const other = await addBackend(server, keys, 'system/*.rs');
    const answer = await askToken(server, await assertion(server, other.id, keys), { scope: ADMIN });

    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      400,
      'invalid_scope',
    ]);
  });
});

describe('what is not right', () => {
  it.each<[string, unknown, number, RegExp]>([
    ['POST clients', { ...APP, represents: ['Organization/lab'] }, 400, /A backend client alone stands for/],
    ['POST clients', { ...APP, type: 'backend', represents: ['Patient/1'] }, 400, /not Patient\/1/],
    [
      'POST clients',
      { ...APP, post_logout_redirect_uris: ['http://evil.example/*'] },
      400,
      /http:\/\/evil\.example\/\* has a wildcard/,
    ],
    ['GET dragons', undefined, 404, /\/admin\/clients and \/admin\/users/],
    ['GET clients/nobody', undefined, 404, /no client nobody/],
    ['GET users/nobody', undefined, 404, /GET \/admin\/users lists them/],
    ['POST clients/nobody/disable', undefined, 404, /no client nobody/],
    ['GET clients/%E0%A4%A', undefined, 400, /percent-encoded/],
    ['GET clients?count=0', undefined, 400, /from 1 to 1000/],
    ['PUT clients', {}, 405, /takes GET, POST/],
    ['GET clients/1/disable', undefined, 405, /takes POST/],
    ['POST clients', '{', 400, /no JSON/],
    ['POST clients', '[]', 400, /JSON object/],
    ['POST clients', { ...APP, colour: 'red' }, 400, /colour: there is type, /],
    [
      'POST clients',
      { ...APP, type: 'secret', redirect_uris: ['ftp://x'] },
      400,
      /type must be.*redirect URI/,
    ],
    ['POST clients', { ...APP, scope: 7 }, 400, /scope: this has to be a text/],
    ['POST users', { ...ZOE, login: 'root' }, 409, /is taken/],
    ['POST users', { ...ZOE, login: '', fhirUser: 'Dragon/1' }, 400, /login must.*Who the person is/],
    ['POST users', { ...ZOE, login: 'new', password: 'short' }, 400, /8 to 256/],
    ['POST users', { login: 'x'.repeat(300_000) }, 413, /longer than/],
  ])('%s %j', async (asked, body, status, detail) => {
    const answer = await ask(asked, body);

    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({
      status,
      title: expect.any(String),
      detail: expect.stringMatching(detail),
    });
  });
});

describe('the audit log', () => {
  it('has who did what to whom, and who was refused', async () => {
    const seen = (await records()).length;
    const { body } = await ask('POST clients', APP);
    await ask(`POST clients/${body.client_id}/disable`);
    await ask('GET users');
    await ask('POST users', { ...ZOE, login: 'root' });
    await ask('GET clients', undefined, 'guessed');
    const told = (await records())
      .slice(seen)
      .map(({ interaction, outcome, query }) => [interaction, outcome, query && decodeURIComponent(query)]);

    expect(told).toEqual([
      ['client-change', 'success', 'act=clients+add&phase=begins'],
      ['client-change', 'success', `act=clients+add&id=${body.client_id}`],
      ['client-change', 'success', `act=clients+disable&id=${body.client_id}&phase=begins`],
      ['client-change', 'success', `act=clients+disable&id=${body.client_id}`],
      ['administration', 'success', 'act=users+list'],
      ['user-change', 'success', 'act=users+add&phase=begins'],
      ['user-change', 'refused', 'act=users+add'],
      ['administration', 'refused', undefined],
    ]);
  });

  it('that cannot be written lets nothing be changed', async () => {
    const { body } = await ask('POST clients', APP);
    const { auditing } = server.tenant.parts;
    const full = vi.spyOn(auditing as Auditing, 'record').mockRejectedValue(new Error('the disk is full'));
    try {
      expect((await ask(`POST clients/${body.client_id}/disable`)).status).toBe(500);
    } finally {
      full.mockRestore();
    }

    expect((await ask(`GET clients/${body.client_id}`)).body).toMatchObject({ status: 'active' });
  });
});
