/** People sign in at the hospital's OpenID provider, a real one; and what attackers make of the way there and back. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { freePort } from '../../http/free-port.js';
import { fetcherOnThisMachine } from '../../net/testing.js';
import type { AuditRecord } from '../../ports/audit-log.js';
import type { Left, Shown } from '../browsing/testing.js';
import type { MadeClient } from '../clients/clients.js';
import { addApp, OneApp, PASSWORD } from '../one-app/testing.js';
import { type SmartServer, startSmartServer } from '../testing.js';
import {
  CLIENT_ID,
  type HospitalProvider,
  SECRET,
  startHospitalProvider,
} from './hospital-provider/testing.js';
import { Links } from './links.js';

const SCOPE = 'openid fhirUser user/Patient.rs';

let folder: string;
let hospital: HospitalProvider;
let server: SmartServer;
let client: MadeClient;
let app: OneApp;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-upstream-'));
  const file = join(folder, 'secret');
  writeFileSync(file, `${SECRET}\n`);
  const port = await freePort('127.0.0.1');
  const publicUrl = `http://127.0.0.1:${port}`;
  hospital = await startHospitalProvider(`${publicUrl}/auth/upstream/callback`);
  server = await startSmartServer({ ...settings(file), port, publicUrl }, fetcher());
  client = await addApp(server, 'public', SCOPE);
  const { users } = server.authorization;
  const common = { password: undefined, roles: [], patients: [] };
  await users.add({ ...common, login: 'grey', fhirUser: 'Practitioner/grey' });
  await users.add({ ...common, login: 'mae', fhirUser: 'Practitioner/mae' });
}, 120_000);

afterAll(async () => {
  await server.stop();
  await hospital.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  app = new OneApp(server, client);
});

afterEach(() => {
  hospital.falsify = undefined;
  hospital.signWith = 'own';
});

function settings(upstreamSecretFile: string) {
  const upstream = { upstreamIssuer: hospital.issuer, upstreamClientId: CLIENT_ID, upstreamSecretFile };
  return { ...upstream, upstreamLabel: 'St. Elsewhere', fetchHttp: true };
}

function fetcher() {
  const policy = { plainHttp: true, hosts: [], privateHosts: ['127.0.0.1'] };
  return fetcherOnThisMachine({ policy, clock: systemClock });
}

/** Follows the button, and the redirects of both servers, until one of them shows a page or the browser is led to ours. */
async function wayBack(from: OneApp = app): Promise<URL> {
  const href = /<a class="act[^"]*" href="([^"]*)"/.exec(from.browser.shown.text)?.[1] ?? '';
  const left = await from.browser.open(href);
  if (!('left' in left)) throw new Error(`the button led to ${left.status}: ${left.text}`);
  return atHospital(left.left);
}

/** What a browser does at the hospital's provider: where it leads back to. */
async function atHospital(first: URL): Promise<URL> {
  const cookies = new Map<string, string>();
  for (let url = first; ; ) {
    if (url.origin !== hospital.issuer) return url;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`the hospital showed ${answer.status}: ${await answer.text()}`);
    url = new URL(location, url);
  }
}

/** To the sign-in page, to the hospital and back. */
async function signIn(person: HospitalProvider['person']): Promise<Shown | Left> {
  hospital.person = person;
  await app.start(SCOPE);
  return app.browser.open((await wayBack()).href);
}

async function records(): Promise<readonly AuditRecord[]> {
  const batches = await server.tenant.store.audit.read(0, 10_000);
  return batches.flatMap((batch) => batch.records);
}

describe('a person of the hospital', () => {
  it('signs in there and is known here, and again when the name is another', async () => {
    hospital.person = { sub: 'h-1', preferred_username: 'Grey' };
    await app.start(SCOPE);
    expect(app.browser.shown.text).toContain('St. Elsewhere');
    expect(app.browser.shown.text).toContain('name="password"');
    await app.browser.open((await wayBack()).href);
    expect(app.browser.shown.text).toContain('Growth Chart asks for access');
    const { status } = await app.exchange(await app.allow('user/Patient.rs'));
    app = new OneApp(server, client);
    await signIn({ sub: 'h-1', preferred_username: 'married' });

    expect(status).toBe(200);
    expect(app.browser.shown.text).toContain('signed in as <strong>grey');
    expect((await records()).at(-1)).toMatchObject({
      interaction: 'sign-in',
      outcome: 'success',
      user: 'Practitioner/grey',
      client: client.client.id,
    });
  });

  it('is sent there with a challenge, a state and a nonce, each time others', async () => {
    const asked = async (): Promise<URLSearchParams | undefined> => {
      app = new OneApp(server, client);
      await signIn({ sub: 'h-1', preferred_username: 'grey' });
      return hospital.asked.at(-1);
    };
    const [first, second] = [await asked(), await asked()];

    expect(first?.get('code_challenge_method')).toBe('S256');
    expect(first?.get('scope')).toBe('openid profile');
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(first?.get(name)).toMatch(/^[\w-]{43}$/);
      expect(first?.get(name)).not.toBe(second?.get(name));
    }
  });

  it('must sign in there anew where the app wants it', async () => {
    await app.start(SCOPE, { prompt: 'login' });
    hospital.person = { sub: 'h-1', preferred_username: 'grey' };
    await wayBack();

    expect(hospital.asked.at(-1)?.get('prompt')).toBe('login');
  });

  it('who is nobody here is told so, and nobody is made', async () => {
    const before = await server.authorization.users.list();
    const end = await signIn({ sub: 'h-9', preferred_username: 'stranger' });

    expect('status' in end && [end.status, end.text]).toEqual([
      403,
      expect.stringContaining('not known here'),
    ]);
    expect(await server.authorization.users.list()).toEqual(before);
    expect((await records()).at(-1)).toMatchObject({ interaction: 'sign-in', outcome: 'refused' });
  });

  it('who is disabled here does not come in', async () => {
    const { users } = server.authorization;
    await users.setStatus('grey', 'disabled');
    const end = await signIn({ sub: 'h-1', preferred_username: 'grey' });
    await users.setStatus('grey', 'active');

    expect('status' in end && end.status).toBe(403);
  });

  it('who goes back without signing in is told what to do', async () => {
    const end = await signIn(undefined);

    expect('status' in end && [end.status, end.text]).toEqual([400, expect.stringContaining('start again')]);
  });

  it('who was given the name of somebody that left is not taken for them', async () => {
    await signIn({ sub: 'h-2', preferred_username: 'mae' });
    app = new OneApp(server, client);
    const other = await signIn({ sub: 'h-3', preferred_username: 'mae' });
    const { users } = server.authorization;
    const links = new Links({ records: server.tenant.store.records, users, fhirBase: server.fhirBase });
    await links.unlink((await users.existing('mae')).subject);
    app = new OneApp(server, client);
    const unlinked = await signIn({ sub: 'h-3', preferred_username: 'mae' });
    app = new OneApp(server, client);
    const former = await signIn({ sub: 'h-2', preferred_username: 'mae' });

    const statuses = [other, unlinked, former].map((end) => 'status' in end && end.status);
    expect(statuses).toEqual([403, 200, 403]);
  });
});

describe('an id_token', () => {
  it('that is written anew as it was is taken: those below are refused for what is changed in them', async () => {
    hospital.falsify = (claims) => claims;
    await signIn({ sub: 'h-1', preferred_username: 'grey' });

    expect(app.browser.shown.text).toContain('asks for access');
  });
});

describe('what is not the answer to what was asked', () => {
  const grey = { sub: 'h-1', preferred_username: 'grey' };

  async function refused(back: URL, by: OneApp = app): Promise<void> {
    const end = await by.browser.open(back.href);
    expect('status' in end && [end.status, end.text.includes('asks for access')]).toEqual([400, false]);
    // The interaction goes on where it stood: at the sign-in page.
    expect((await records()).at(-1)).toMatchObject({ outcome: 'refused' });
  }

  it.each<[string, (url: URL) => void]>([
    ['without a state', (url) => url.searchParams.delete('state')],
    ['with a guessed state', (url) => url.searchParams.set('state', 'guessed')],
    ['with two states', (url) => url.searchParams.append('state', 'other')],
    ['without a code', (url) => url.searchParams.delete('code')],
    ['with a code of nobody', (url) => url.searchParams.set('code', 'guessed')],
    ['of another issuer (mix-up)', (url) => url.searchParams.set('iss', 'https://evil.example')],
    ['without its issuer', (url) => url.searchParams.delete('iss')],
    ['with two issuers', (url) => url.searchParams.append('iss', 'https://evil.example')],
  ])('%s', async (_which, change) => {
    hospital.person = grey;
    await app.start(SCOPE);
    const back = await wayBack();
    change(back);
    await refused(back);
  });

  it('in another browser: nobody is signed in as somebody else', async () => {
    hospital.person = grey;
    await app.start(SCOPE);
    const back = await wayBack();
    const other = new OneApp(server, client);
    await other.start(SCOPE);
    await refused(back, other);
    expect((await records()).at(-1)).toMatchObject({ interaction: 'forged-form' });
    // The state is spent: it is not good in its own browser either.
    await refused(back);
  });

  it('in a browser that asked for nothing', async () => {
    hospital.person = grey;
    await app.start(SCOPE);
    const back = await wayBack();
    const answer = await fetch(back, { redirect: 'manual' });

    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('start again');
  });

  it('by another method, which uses nothing up', async () => {
    hospital.person = grey;
    await app.start(SCOPE);
    const back = await wayBack();
    for (const method of ['HEAD', 'POST']) {
      const answer = await fetch(back, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
    }
    await app.browser.open(back.href);

    expect(app.browser.shown.text).toContain('asks for access');
  });

  it('that came before', async () => {
    const first = await (async () => {
      hospital.person = grey;
      await app.start(SCOPE);
      return wayBack();
    })();
    await app.browser.open(first.href);
    await refused(first);
    app = new OneApp(server, client);
    await app.start(SCOPE);
    const second = await wayBack();
    second.searchParams.set('code', first.searchParams.get('code') ?? '');
    await refused(second);
  });

  it.each<[string, Parameters<typeof falsified>[0]]>([
    ['without a nonce', ({ nonce: _, ...rest }) => rest],
    ['with another nonce', (claims) => ({ ...claims, nonce: 'other' })],
    ['for another audience', (claims) => ({ ...claims, aud: 'another-client' })],
    [
      'for several audiences, another of which is its party',
      (claims) => ({ ...claims, aud: [CLIENT_ID, 'b'], azp: 'b' }),
    ],
    ['of another issuer', (claims) => ({ ...claims, iss: 'https://evil.example' })],
    ['that has ended', (claims) => ({ ...claims, exp: 1 })],
    ['without a subject', ({ sub: _, ...rest }) => rest],
  ])('an id_token %s', async (_which, falsify) => {
    await falsified(falsify);
  });

  it('an id_token that another key signed', async () => {
    hospital.signWith = 'foreign';
    await falsified((claims) => claims);
  });

  async function falsified(falsify: NonNullable<HospitalProvider['falsify']>): Promise<void> {
    hospital.falsify = falsify;
    hospital.person = grey;
    await app.start(SCOPE);
    await refused(await wayBack());
  }
});

describe('settings', () => {
  it('can turn the form off, and then no password is looked at', async () => {
    const only = await startSmartServer(
      { ...settings(join(folder, 'secret')), passwordSignIn: false },
      fetcher(),
    );
    try {
      const common = { roles: [], patients: [], fhirUser: 'Practitioner/grey' };
      await only.authorization.users.add({ ...common, login: 'grey', password: PASSWORD });
      const one = new OneApp(only, await addApp(only, 'public', SCOPE));
      const page = await one.start(SCOPE);
      const csrf = 'text' in page ? /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] : undefined;
      const end = await one.browser.open('url' in page ? page.url : '', {
        method: 'POST',
        headers: { origin: only.url, 'sec-fetch-site': 'same-origin' },
        body: new URLSearchParams({ csrf: csrf ?? '', login: 'grey', password: PASSWORD }),
      });

      expect('text' in page && page.text).toContain('St. Elsewhere');
      expect('text' in page && page.text).not.toContain('name="password"');
      expect('status' in end && [end.status, end.text.includes('Sign in')]).toEqual([200, true]);
    } finally {
      await only.stop();
    }
  });

  it('can believe who the provider says somebody is, of this server alone', async () => {
    const port = await freePort('127.0.0.1');
    const publicUrl = `http://127.0.0.1:${port}`;
    const clinic = await startHospitalProvider(`${publicUrl}/auth/upstream/callback`);
    const match = {
      upstreamMatch: 'fhirUser',
      upstreamClaim: 'fhirUser',
      upstreamIssuer: clinic.issuer,
    } as const;
    const other = await startSmartServer(
      { ...settings(join(folder, 'secret')), ...match, port, publicUrl },
      fetcher(),
    );
    const [ours, before] = [hospital, server];
    try {
      [hospital, server] = [clinic, other];
      const made = await addApp(other, 'public', SCOPE);
      const common = { password: undefined, roles: [], patients: [] };
      await other.authorization.users.add({ ...common, login: 'grey', fhirUser: 'Practitioner/grey' });
      const statuses: unknown[] = [];
      for (const [sub, fhirUser] of [
        ['a', 'https://elsewhere.example/fhir/Practitioner/grey'],
        ['b', 'Practitioner/nobody'],
        ['c', `${other.fhirBase}/Practitioner/grey`],
      ] as const) {
        app = new OneApp(other, made);
        let end = await signIn({ sub, fhirUser });
        // On a busy machine the provider may be late; the page says to try again.
        while ('status' in end && end.status === 502) {
          app = new OneApp(other, made);
          end = await signIn({ sub, fhirUser });
        }
        statuses.push('status' in end && end.status);
      }

      expect(statuses).toEqual([403, 403, 200]);
    } finally {
      [hospital, server] = [ours, before];
      await other.stop();
      await clinic.stop();
    }
  });

  it('of a provider that cannot be reached lead to a page that says so', async () => {
    const gone = await startSmartServer(
      { ...settings(join(folder, 'secret')), upstreamIssuer: 'http://127.0.0.1:1' },
      fetcher(),
    );
    try {
      const one = new OneApp(gone, await addApp(gone, 'public', SCOPE));
      await one.start(SCOPE);
      const href = /<a class="act[^"]*" href="([^"]*)"/.exec(one.browser.shown.text)?.[1] ?? '';
      const end = await one.browser.open(href);

      expect('status' in end && [end.status, end.text]).toEqual([502, expect.stringContaining('Try again')]);
    } finally {
      await gone.stop();
    }
  });

  it('that the fetcher does not allow are as good as none', async () => {
    const closed = fetcherOnThisMachine({
      policy: { plainHttp: true, hosts: ['*'], privateHosts: [] },
      clock: systemClock,
    });
    const guarded = await startSmartServer(settings(join(folder, 'secret')), closed);
    try {
      const one = new OneApp(guarded, await addApp(guarded, 'public', SCOPE));
      await one.start(SCOPE);
      const href = /<a class="act[^"]*" href="([^"]*)"/.exec(one.browser.shown.text)?.[1] ?? '';
      const end = await one.browser.open(href);

      expect('status' in end && end.status).toBe(502);
    } finally {
      await guarded.stop();
    }
  });
});
