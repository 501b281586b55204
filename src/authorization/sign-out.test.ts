/**
 * Signing out because an app asks for it, and who would like to have somebody signed out, or led astray.
 * https://openid.net/specs/openid-connect-rpinitiated-1_0.html
 */
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Left, Shown } from './browsing/testing.js';
import type { MadeClient } from './clients/clients.js';
import { BACK, OneApp, PASSWORD } from './one-app/testing.js';
import { addBackend, bearer, keyPair, type SmartServer, startSmartServer, tokenFor } from './testing.js';

const GONE = 'https://app.example.org/gone?from=fairway';
const SCOPE = 'launch/patient openid fhirUser patient/Patient.rs';

let server: SmartServer;
let app: MadeClient;
let other: MadeClient;
/** Ada, signed in for the app. */
let one: OneApp;
let hint: string;
let token: unknown;

beforeAll(async () => {
  server = await startSmartServer();
  const { clients, users } = server.authorization;
  const wanted = { type: 'public', jwks: undefined, jwksUrl: undefined, redirectUris: [BACK] };
  const scope = `${SCOPE} offline_access online_access`;
  app = await clients.add(
    { ...wanted, name: 'Growth Chart', scope, postLogoutRedirectUris: [GONE] },
    'active',
  );
  const elsewhere = ['https://other.example.org/gone'];
  other = await clients.add({ ...wanted, name: 'Other', scope, postLogoutRedirectUris: elsewhere }, 'active');
  const person = { password: PASSWORD, roles: [], patients: [] };
  await users.add({ ...person, login: 'ada', fhirUser: 'Patient/ada' });
  await users.add({ ...person, login: 'bob', fhirUser: 'Patient/bob' });
  const keys = await keyPair();
  const service = await addBackend(server, keys, 'system/*.cruds');
  const { headers } = bearer(await tokenFor(server, service, keys, 'system/*.cruds'));
  for (const id of ['ada', 'bob']) {
    const body = JSON.stringify({ resourceType: 'Patient', id, name: [{ family: id }] });
    const sent = { ...headers, 'content-type': 'application/fhir+json' };
    const { status } = await fetch(`${server.fhirBase}/Patient/${id}`, {
      method: 'PUT',
      headers: sent,
      body,
    });
    expect(status).toBe(201);
  }
}, 60_000);
afterAll(() => server.stop());

beforeEach(async () => {
  one = new OneApp(server, app);
  ({ hint, token } = await openedBy('ada', one));
});

async function openedBy(
  login: string,
  by: OneApp,
  more = '',
): Promise<{ readonly hint: string; readonly token: unknown }> {
  const asked = await by.start(`${SCOPE} ${more}`.trim());
  if ('text' in asked && asked.text.includes('name="password"')) await by.signIn(login);
  const { status, body } = await by.exchange(await by.allow('patient/Patient.rs'));
  expect(status).toBe(200);
  return { hint: String(body.id_token), token: body.access_token };
}

function askOut(query: Readonly<Record<string, string>>, { browser }: OneApp = one): Promise<Shown | Left> {
  return browser.open(`${server.url}/auth/session/end?${new URLSearchParams(query)}`);
}

async function isSignedIn({ browser }: OneApp = one): Promise<boolean> {
  const shown = await browser.open(`${server.url}/auth/apps`);
  return 'status' in shown && shown.status === 200;
}

async function read(presented: unknown): Promise<number> {
  return (await fetch(`${server.fhirBase}/Patient/ada`, bearer(String(presented)))).status;
}

function shown(answer: Shown | Left): Shown {
  if ('left' in answer) throw new Error(`left for ${answer.left}`);
  return answer;
}

describe('an app that asks to sign the person out', () => {
  it('has them asked by a page without script, and then led to where it was registered, with its state', async () => {
    const page = shown(await askOut({ id_token_hint: hint, post_logout_redirect_uri: GONE, state: 'a b&c' }));

    expect(page.status).toBe(200);
    expect(page.text).toContain('You are signed in as <strong>ada</strong>');
    expect(page.text).toContain('<strong>Growth Chart</strong> asks');
    expect(page.text).not.toContain('<script');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; style-src");
    expect(page.headers.get('content-security-policy')).toContain(
      "form-action 'self' https://app.example.org;",
    );
    expect(await read(token)).toBe(200);

    const end = await one.browser.send({ logout: 'yes' });

    expect('left' in end ? end.left.href : end.text).toBe(`${GONE}&state=a+b%26c`);
    expect(await isSignedIn()).toBe(false);
    expect(await read(token)).toBe(401);
  });

  it('tells them so on a page where it names no place to go', async () => {
    await askOut({ client_id: app.client.id });
    const end = shown(await one.browser.send({ logout: 'yes' }));

    expect([end.status, end.text]).toEqual([200, expect.stringContaining('You are signed out')]);
    expect(await isSignedIn()).toBe(false);
  });

  it('leaves them signed in who want to stay', async () => {
    await askOut({ id_token_hint: hint, post_logout_redirect_uri: GONE });
    const { text } = one.browser.shown;
    const xsrf = /name="xsrf" value="([^"]*)"/.exec(text)?.[1] ?? '';
    const end = await one.browser.open(`${server.url}/auth/session/end/confirm`, {
      method: 'POST',
      body: new URLSearchParams({ xsrf }),
    });

    expect('left' in end).toBe(true);
    expect(await isSignedIn()).toBe(true);
  });

  it('may ask by a form, whose cookies a browser keeps back', async () => {
    const form = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: GONE });
    const answer = await fetch(`${server.url}/auth/session/end`, {
      ...{ method: 'POST', body: form, redirect: 'manual' },
    });

    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      `${server.url}/auth/session/end?${form}`,
    ]);
  });

  it('leads on who is not signed in any more, without script', async () => {
    const stranger = new OneApp(server, app);
    const page = shown(await askOut({ id_token_hint: hint, post_logout_redirect_uri: GONE }, stranger));
    expect(page.text).toContain('Nobody is signed in');
    expect(page.text).not.toContain('<script');

    const end = await stranger.browser.send({ logout: 'yes' });

    expect('left' in end ? end.left.href : end.text).toBe(GONE);
    expect(await isSignedIn()).toBe(true);
  });
});

describe('signing out', () => {
  it('ends every token of the session but those that may last, in both ways of signing out', async () => {
    for (const end of ['app', 'page'] as const) {
      const here = new OneApp(server, app);
      const first = await openedBy('ada', here);
      const second = await openedBy('ada', here, 'online_access');
      const lasting = await openedBy('ada', here, 'offline_access');
      const elsewhere = await openedBy('ada', new OneApp(server, app), 'online_access');
      for (const { token: each } of [first, second, lasting, elsewhere]) expect(await read(each)).toBe(200);

      if (end === 'app') {
        await askOut({ id_token_hint: first.hint }, here);
        await here.browser.send({ logout: 'yes' });
      } else {
        await here.browser.open(`${server.url}/auth/apps`);
        await here.browser.send({ decision: 'sign-out' });
      }

      const after = [first, second, lasting, elsewhere].map(({ token: each }) => read(each));
      expect(await Promise.all(after), end).toEqual([401, 401, 200, 200]);
    }
  });

  it('is in the audit log, and so is a form that was forged', async () => {
    await askOut({ id_token_hint: hint });
    await one.browser.send({ logout: 'yes' });
    const forged = await fetch(`${server.url}/auth/session/end/confirm`, {
      ...{ method: 'POST', body: new URLSearchParams({ xsrf: 'x', logout: 'yes' }) },
    });
    expect(forged.status).toBe(400);

    const told = (await server.tenant.store.audit.read(0, 10_000)).flatMap(({ records }) => records);
    expect(told).toContainEqual(
      expect.objectContaining({
        ...{ interaction: 'sign-out', outcome: 'success', user: 'Patient/ada', client: app.client.id },
      }),
    );
    expect(told).toContainEqual(expect.objectContaining({ interaction: 'forged-form', outcome: 'refused' }));
  });
});

describe('a session whose time passes', () => {
  const [ALMOST, ALL] = [11.5, 12.1].map((hours) => hours * 3_600_000) as [number, number];
  afterEach(() => {
    vi.useRealTimers();
  });

  it('takes its tokens with it, although they would last longer and nothing else happens', async () => {
    const asked = await one.start(`${SCOPE} online_access`);
    expect('text' in asked && asked.text).toContain('name="decision"');
    const { body } = await one.exchange(await one.allow('patient/Patient.rs'));
    const began = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: began + ALMOST });
    const { body: refreshed } = await one.refresh(body.refresh_token);
    expect(refreshed.expires_in).toBeGreaterThan((ALL - ALMOST) / 1000);
    expect(await read(refreshed.access_token)).toBe(200);

    vi.setSystemTime(began + ALL);

    expect(await read(refreshed.access_token)).toBe(401);
  });
});

describe('attacks', () => {
  it.each<[string, () => Record<string, string>]>([
    ['on another host', () => ({ post_logout_redirect_uri: 'https://evil.example.org/gone?from=fairway' })],
    ['below the registered one', () => ({ post_logout_redirect_uri: `${GONE}/../../evil` })],
    ['with a name in front', () => ({ post_logout_redirect_uri: GONE.replace('//', '//x@') })],
    ['with other parameters', () => ({ post_logout_redirect_uri: `${GONE}&next=https://evil.example.org` })],
    ['of the scheme javascript', () => ({ post_logout_redirect_uri: 'javascript:alert(1)' })],
    ['that is where codes go', () => ({ post_logout_redirect_uri: BACK })],
    ['of another app', () => ({ post_logout_redirect_uri: 'https://other.example.org/gone' })],
  ])('a place to go %s is refused, and nobody is signed out', async (_which, more) => {
    const page = shown(await askOut({ id_token_hint: hint, ...more() }));

    expect([page.status, page.text]).toEqual([400, expect.stringContaining('not registered')]);
    expect(await isSignedIn()).toBe(true);
  });

  it('a place to go of nobody is not gone to', async () => {
    const page = shown(await askOut({ post_logout_redirect_uri: 'https://evil.example.org/' }));
    expect(page.text).not.toContain('evil');

    const end = shown(await one.browser.send({ logout: 'yes' }));

    expect(end.text).toContain('You are signed out');
  });

  it.each<[string, () => Promise<Record<string, string>>]>([
    ['signed by somebody else', async () => ({ id_token_hint: await forged() })],
    ['not signed', async () => ({ id_token_hint: `${hint.split('.').slice(0, 2).join('.')}.` })],
    ['that is no token', async () => ({ id_token_hint: 'x' })],
    ['given to another app', async () => ({ id_token_hint: hint, client_id: other.client.id })],
    [
      'of another person',
      async () => ({ id_token_hint: (await openedBy('bob', new OneApp(server, app))).hint }),
    ],
    ['and an unknown app', async () => ({ client_id: 'nobody' })],
  ])('a hint %s ends nothing', async (_which, query) => {
    const page = shown(await askOut({ ...(await query()), post_logout_redirect_uri: GONE }));

    expect(page.status).toBe(400);
    expect(page.text).not.toContain('name="xsrf"');
    expect(await isSignedIn()).toBe(true);
    expect(await read(token)).toBe(200);
  });

  it('a link or a form from elsewhere signs nobody out', async () => {
    await askOut({ client_id: app.client.id });
    for (const xsrf of ['', 'guessed']) {
      const end = shown(
        await one.browser.open(`${server.url}/auth/session/end/confirm`, {
          method: 'POST',
          body: new URLSearchParams({ xsrf, logout: 'yes' }),
        }),
      );
      expect(end.status).toBe(400);
    }

    expect(await isSignedIn()).toBe(true);
    expect(await read(token)).toBe(200);
  });

  it('the form of one browser signs nobody out in another', async () => {
    const stranger = new OneApp(server, app);
    await openedBy('bob', stranger);
    await askOut({ client_id: app.client.id }, stranger);
    const xsrf = /name="xsrf" value="([^"]*)"/.exec(stranger.browser.shown.text)?.[1] ?? '';
    await askOut({ client_id: app.client.id });

    const end = shown(
      await one.browser.open(`${server.url}/auth/session/end/confirm`, {
        method: 'POST',
        body: new URLSearchParams({ xsrf, logout: 'yes' }),
      }),
    );

    expect(end.status).toBe(400);
    expect(await isSignedIn()).toBe(true);
  });
});

/** As ours, but for who signed it. */
async function forged(): Promise<string> {
  const { privateKey } = await keyPair('RS384');
  const claims = JSON.parse(Buffer.from(hint.split('.')[1] ?? '', 'base64url').toString()) as object;
  return new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS384' }).sign(privateKey);
}
