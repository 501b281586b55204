/**
 * Apps are opened, standalone and by an EHR: sign-in, choice of the patient, consent, code, tokens.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
 */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browsing } from './browsing/testing.js';
import type { RegisteredClient } from './clients/client.js';
import type { MadeClient } from './clients/clients.js';
import { addApp, OneApp } from './one-app/testing.js';
import {
  addBackend,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
  tokenFor,
} from './testing.js';

const EVERYTHING =
  'launch launch/patient launch/encounter openid fhirUser offline_access online_access patient/*.cruds user/*.cruds';

let server: SmartServer;
/** The app, and its id. */
let made: MadeClient;
let app: string;
let keys: KeyPair;
let ehr: RegisteredClient;

beforeAll(async () => {
  server = await startSmartServer();
  made = await addApp(server, 'public', EVERYTHING);
  app = made.client.id;
  keys = await keyPair();
  ehr = await addBackend(server, keys, 'launch system/*.cruds');
  const { users } = server.authorization;
  const common = { password: 'correct horse', roles: [], patients: [] };
  await users.add({ ...common, login: 'ada', fhirUser: 'Patient/ada' });
  await users.add({ ...common, login: 'mum', fhirUser: 'RelatedPerson/mum', patients: ['ada', 'ben'] });
  await users.add({ ...common, login: 'grey', fhirUser: 'Practitioner/grey' });
  const token = await tokenFor(server, ehr, keys, 'system/*.cruds');
  const entry = [
    resource('Patient', 'ada', { name: [{ family: 'Lovelace', given: ['Ada'] }], birthDate: '1815-12-10' }),
    resource('Patient', 'ben', { name: [{ family: 'Lovelace', given: ['Ben'] }], birthDate: '1836-05-12' }),
    resource('Patient', 'eve', { name: [{ family: 'Other', given: ['Eve'] }], birthDate: '1990-01-01' }),
    resource('Practitioner', 'grey', { name: [{ family: 'Grey' }] }),
    resource('RelatedPerson', 'mum', { patient: { reference: 'Patient/ada' } }),
    resource('Encounter', 'visit', {
      status: 'finished',
      class: { code: 'AMB', display: 'ambulatory' },
      subject: { reference: 'Patient/ada' },
    }),
    ...['ada', 'eve'].map((patient) =>
      resource('Observation', `of-${patient}`, {
        status: 'final',
        code: { text: 'x' },
        subject: { reference: `Patient/${patient}` },
      }),
    ),
  ];
  const answer = await fetch(server.fhirBase, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  expect(answer.status).toBe(200);
});

afterAll(() => server.stop());

function resource(type: string, id: string, rest: object): object {
  return { resource: { resourceType: type, id, ...rest }, request: { method: 'PUT', url: `${type}/${id}` } };
}

let one: OneApp;

beforeEach(() => {
  one = new OneApp(server, made);
});

function scopeSet(value: unknown): string[] {
  return String(value).split(' ').sort();
}

async function read(path: string, accessToken: unknown): Promise<number> {
  const answer = await fetch(`${server.fhirBase}/${path}`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  await answer.arrayBuffer();
  return answer.status;
}

describe('a patient opens an app', () => {
  it('signs in, agrees, and the app reads the own record alone', async () => {
    await one.start('launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs');
    expect(one.browser.shown.text).toContain('Sign in');
    await one.signIn('ada');
    expect(one.browser.shown.text).toContain('Growth Chart asks for access');
    expect(one.browser.shown.text).toContain('See your measurements and results');
    const end = await one.browser.send({
      decision: 'allow',
      scope: ['patient/Patient.rs', 'patient/Observation.rs'],
    });
    const { status, body, headers } = await one.exchange(end);

    expect('left' in end && end.left.searchParams.get('state')).toBe('a state/with=signs');
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(body).toMatchObject({ token_type: 'Bearer', patient: 'ada', need_patient_banner: true });
    expect(body.expires_in).toBe(3600);
    expect(scopeSet(body.scope)).toEqual(
      ['fhirUser', 'launch/patient', 'openid', 'patient/Observation.rs', 'patient/Patient.rs'].sort(),
    );
    expect(await read('Patient/ada', body.access_token)).toBe(200);
    expect(await read('Observation/of-ada', body.access_token)).toBe(200);
    expect(await read('Observation/of-eve', body.access_token)).toBe(404);
    expect(await read('Patient/eve', body.access_token)).toBe(404);
    expect(await read('Encounter/visit', body.access_token)).toBe(403);
  });

  it('gets an id_token that says who signed in', async () => {
    await one.start('launch/patient openid fhirUser patient/Patient.rs');
    await one.signIn('ada');
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );
    const set = createRemoteJWKSet(new URL(`${server.url}/auth/jwks`));
    const { payload, protectedHeader } = await jwtVerify(String(body.id_token), set, {
      issuer: `${server.url}/auth`,
      audience: app,
    });

    expect(protectedHeader.alg).toBe('RS256');
    expect(payload).toMatchObject({ nonce: 'n-1', fhirUser: `${server.fhirBase}/Patient/ada` });
  });

  it('keeps for herself what she unticks, and grants a part of the rest', async () => {
    await one.start('launch/patient patient/Patient.rs patient/Observation.rs patient/Condition.read');
    await one.signIn('ada');
    const part =
      'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Condition.read', part] }),
    );

    expect(scopeSet(body.scope)).toEqual(['launch/patient', 'patient/Condition.read', part].sort());
    expect(await read('Patient/ada', body.access_token)).toBe(403);
    expect(await read('Observation/of-ada', body.access_token)).toBe(404);
    expect(await read('Condition?_summary=count', body.access_token)).toBe(200);
  });

  it('is granted nothing that was not on the page', async () => {
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const end = await one.browser.send({
      decision: 'allow',
      scope: ['patient/Patient.rs', 'patient/*.cruds', 'user/*.rs'],
    });
    const { body } = await one.exchange(end);
    expect(scopeSet(body.scope)).toEqual(['launch/patient', 'patient/Patient.rs']);
  });

  it('can say no, on either page', async () => {
    await one.start('launch/patient patient/Patient.rs');
    const early = await one.browser.send({ decision: 'deny' });
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const late = await one.browser.send({ decision: 'deny' });

    for (const end of [early, late]) {
      expect('left' in end && Object.fromEntries(end.left.searchParams)).toMatchObject({
        error: 'access_denied',
        state: 'a state/with=signs',
      });
    }
  });

  it('chooses whose record it is, where there are several, and no other', async () => {
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('mum');
    expect(one.browser.shown.text).toContain('Ben Lovelace');
    expect(one.browser.shown.text).not.toContain('Eve Other');
    await one.browser.send({ decision: 'pick', id: 'eve' });
    expect(one.browser.shown.text).toContain('You may not open what was chosen');
    await one.browser.send({ decision: 'pick', id: 'ben' });
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );

    expect(body.patient).toBe('ben');
    expect(await read('Patient/ben', body.access_token)).toBe(200);
    expect(await read('Patient/ada', body.access_token)).toBe(404);
  });
});

describe('a clinician opens an app', () => {
  it('searches for the patient and the visit', async () => {
    await one.start('launch/patient launch/encounter patient/Patient.rs');
    await one.signIn('grey');
    await one.browser.send({ decision: 'search', query: '1815-12-10' });
    expect(one.browser.shown.text).toContain('Ada Lovelace');
    expect(one.browser.shown.text).not.toContain('Eve Other');
    await one.browser.send({ decision: 'pick', id: 'ada' });
    expect(one.browser.shown.text).toContain('Choose a visit');
    await one.browser.send({ decision: 'pick', id: 'visit' });
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );

    expect(body).toMatchObject({ patient: 'ada', encounter: 'visit' });
  });

  it.each([
    ['of the patient', 'ada', { patient: 'ada', encounter: 'visit' }],
    ['of another patient', 'eve', undefined],
  ])('gets the visit that the EHR shows where it is one %s', async (_which, patient, context) => {
    const launched = await fetch(`${server.url}/auth/launch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await tokenFor(server, ehr, keys, 'system/*.cruds')}` },
      body: JSON.stringify({ patient, encounter: 'visit' }),
    });
    const { launch } = (await launched.json()) as { launch: string };
    await one.start('launch patient/Patient.rs', { launch });
    const shown = await one.signIn('grey');
    if (context === undefined) {
      const error = 'left' in shown ? shown.left.searchParams.get('error') : shown.text;
      return expect(error).toBe('access_denied');
    }
    const { body } = await one.exchange(await one.allow('patient/Patient.rs'));
    expect(body).toMatchObject(context);
  });

  it('gets the patient that the EHR shows, once', async () => {
    const bearer = await tokenFor(server, ehr, keys, 'system/*.cruds');
    const launched = await fetch(`${server.url}/auth/launch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
      body: JSON.stringify({
        patient: 'eve',
        client_id: app,
        intent: 'order-review',
        need_patient_banner: false,
        smart_style_url: 'https://ehr.example.org/style.json',
        fhirContext: [{ reference: 'ImagingStudy/1' }],
      }),
    });
    const { launch } = (await launched.json()) as { launch: string };
    await one.start('launch user/Patient.rs', { launch });
    await one.signIn('grey');
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['user/Patient.rs'] }),
    );
    one = new OneApp(server, made);
    await one.start('launch user/Patient.rs', { launch });
    const again = await one.signIn('grey');

    expect(launched.status).toBe(201);
    expect(body).toMatchObject({
      patient: 'eve',
      intent: 'order-review',
      need_patient_banner: false,
      smart_style_url: 'https://ehr.example.org/style.json',
      fhirContext: [{ reference: 'ImagingStudy/1' }],
    });
    expect('left' in again && again.left.searchParams.get('error')).toBe('invalid_request');
  });
});

describe('a person who is disabled', () => {
  it('is out with the next request, whatever tokens there are', async () => {
    await one.start('launch/patient offline_access patient/Patient.rs');
    await one.signIn('ada');
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );
    const { users } = server.authorization;
    const before = await read('Patient/ada', body.access_token);
    await users.setStatus('ada', 'disabled');
    const during = await read('Patient/ada', body.access_token);
    const refreshed = await one.token({
      grant_type: 'refresh_token',
      refresh_token: String(body.refresh_token),
    });
    await users.setStatus('ada', 'active');

    expect([before, during, refreshed.status]).toEqual([200, 401, 400]);
  });
});

describe('refresh', () => {
  it('rotates, keeps the context, and a stolen token ends everything', async () => {
    await one.start('launch/patient offline_access patient/Patient.rs');
    await one.signIn('ada');
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );
    const first = String(body.refresh_token);
    const refreshed = await one.token({ grant_type: 'refresh_token', refresh_token: first });
    const stolen = await one.token({ grant_type: 'refresh_token', refresh_token: first });

    expect(refreshed.body).toMatchObject({
      patient: 'ada',
      scope: expect.stringContaining('patient/Patient.rs'),
    });
    expect(refreshed.body.refresh_token).not.toBe(first);
    expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await read('Patient/ada', refreshed.body.access_token)).toBe(401);
  });

  it('by an app that works while the person is there ends when the person signs out', async () => {
    await one.start('launch/patient online_access patient/Patient.rs');
    await one.signIn('ada');
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );
    const before = await one.token({
      grant_type: 'refresh_token',
      refresh_token: String(body.refresh_token),
    });
    await one.browser.open(`${server.url}/auth/apps`);
    await one.browser.send({ decision: 'sign-out' });
    const after = await one.token({
      grant_type: 'refresh_token',
      refresh_token: String(before.body.refresh_token),
    });

    expect(before.status).toBe(200);
    expect(after).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('is not given to an app that did not ask to stay', async () => {
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );
    expect(body.refresh_token).toBeUndefined();
  });
});

describe('the list of apps', () => {
  it('shows what was granted and ends it at once', async () => {
    await one.start('launch/patient offline_access patient/Patient.rs');
    await one.signIn('ada');
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );
    await one.browser.open(`${server.url}/auth/apps`);
    expect(one.browser.shown.text).toContain('End the access of Growth Chart');
    const grant = [...one.browser.shown.text.matchAll(/name="grant" value="([^"]*)"/g)].map(
      ([, id = '']) => id,
    );
    for (const each of grant) await one.browser.send({ decision: 'end', grant: each });

    expect(await read('Patient/ada', body.access_token)).toBe(401);
    expect(
      await one.token({ grant_type: 'refresh_token', refresh_token: String(body.refresh_token) }),
    ).toMatchObject({
      status: 400,
    });
    await one.browser.send({ decision: 'sign-out' });
    await one.browser.open(`${server.url}/auth/apps`);
    expect(one.browser.shown.status).toBe(401);
  });
});

describe('attacks', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['an audience that is another server', { aud: 'https://other.example.org/fhir' }],
    ['a plain challenge', { code_challenge_method: 'plain' }],
  ])('%s gets no code', async (_name, more) => {
    const end = await one.start('launch/patient patient/Patient.rs', more);
    expect('left' in end && end.left.searchParams.get('error')).toMatch(/invalid_(target|request)/);
    expect('left' in end && end.left.searchParams.get('code')).toBeNull();
  });

  it.each(['aud', 'code_challenge'])('a request without %s gets no code', async (name) => {
    const params = one.request('launch/patient patient/Patient.rs');
    params.delete(name);
    const end = await one.browser.open(`${server.url}/auth/authorize?${params}`);
    expect('left' in end && end.left.searchParams.has('error')).toBe(true);
  });

  it.each([
    'https://app.example.org/back/',
    'https://app.example.org/back?x=1',
    'https://app.example.org.evil.example/back',
    'https://evil.example/back',
    'javascript:alert(1)',
  ])('a redirect to %s leads nowhere', async (uri) => {
    const end = await one.start('launch/patient patient/Patient.rs', { redirect_uri: uri });
    expect('status' in end && end.status).toBe(400);
  });

  it('a code is good once, and used again it ends what it gave', async () => {
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const end = await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] });
    const { body } = await one.exchange(end);
    const again = await one.exchange(end);

    expect(again).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await read('Patient/ada', body.access_token)).toBe(401);
  });

  it.each(['', 'x'.repeat(43)])('a code without its verifier is worth nothing (%s)', async (wrong) => {
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const end = await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] });
    one.verifier = wrong;
    expect((await one.exchange(end)).status).toBe(400);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['of another port', { origin: 'http://localhost:1' }],
  ])('a consent form %s is refused', async (_name, headers) => {
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const end = await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }, headers);
    expect('status' in end && end.status).toBe(403);
  });

  it('a consent form without its token is refused', async () => {
    await one.start('launch/patient patient/Patient.rs');
    await one.signIn('ada');
    const end = await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'], csrf: 'guessed' });
    expect('status' in end && end.status).toBe(403);
  });

  it('no page may be framed or kept', async () => {
    await one.start('launch/patient patient/Patient.rs');
    const { headers } = one.browser.shown;
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('a person is asked again when somebody else’s interaction is opened', async () => {
    await one.start('launch/patient patient/Patient.rs');
    const { url } = one.browser.shown;
    const other = new Browsing(server.url);
    await other.open(url);
    expect(other.shown.status).toBe(400);
    expect(other.shown.text).toContain('start again');
  });

  it('a refresh cannot widen what was granted', async () => {
    await one.start('launch/patient offline_access patient/Patient.rs');
    await one.signIn('ada');
    const { body } = await one.exchange(
      await one.browser.send({ decision: 'allow', scope: ['patient/Patient.rs'] }),
    );
    const wider = await one.token({
      grant_type: 'refresh_token',
      refresh_token: String(body.refresh_token),
      scope: 'patient/Patient.rs patient/Observation.rs',
    });
    expect(wider).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
  });

  it('nobody opens an app for an EHR without being one', async () => {
    const other = await addBackend(server, keys, 'system/*.rs');
    const bearer = await tokenFor(server, other, keys);
    const answers = await Promise.all(
      [undefined, 'Bearer guessed', `Bearer ${bearer}`].map((authorization) =>
        fetch(`${server.url}/auth/launch`, {
          method: 'POST',
          headers: authorization === undefined ? {} : { authorization },
          body: '{"patient":"eve"}',
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 403]);
  });
});
