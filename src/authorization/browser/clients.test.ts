/**
 * The clients that apps are built with, as they are, in a real browser: fhirclient in the page of an app on another origin,
 * and openid-client as the server side of one.
 */
import * as oidc from 'openid-client';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startWebApp, type WebApp } from './app/testing.js';
import { type Hospital, openHospital, PASSWORD } from './hospital/testing.js';
import { NO_BROWSER, newPage, openBrowser, TOO_LONG } from './testing.js';

describe.skipIf(NO_BROWSER)('in a real browser', () => {
  let app: WebApp;
  let hospital: Hospital;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    [app, browser] = await Promise.all([startWebApp(), openBrowser()]);
    hospital = await openHospital(app);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await Promise.all([app.stop(), hospital.stop()]);
  });

  beforeEach(async () => {
    ({ context, page } = await newPage(browser));
  });

  afterEach(() => context.close());

  function openApp(scope: string, more: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const { server, client } = hospital;
    const asked = new URLSearchParams({ iss: server.fhirBase, client, scope, ...more });
    return page.goto(`${app.launchUrl}?${asked}`);
  }

  async function signIn(login: string): Promise<void> {
    await page.getByLabel('User name').fill(login);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  async function allow(): Promise<void> {
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.waitForURL(`${app.backUrl}*`);
    await expect.poll(() => page.title(), { timeout: TOO_LONG }).toBe('Ready');
  }

  /** The status that the app's request ends with. */
  function statusOf(path: string): Promise<number> {
    return page.evaluate(
      `client.request(${JSON.stringify(path)}).then(() => 200, (error) => error.statusCode ?? error.status)`,
    );
  }

  describe('fhirclient', () => {
    it('opens by itself, reads the patient of the token, and nobody else', async () => {
      await openApp('launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs');
      await signIn('ada');
      await allow();

      expect(await page.evaluate('client.patient.read().then(({ name }) => name[0].family)')).toBe(
        'Lovelace',
      );
      expect(await page.evaluate('client.user.fhirUser')).toBe('Patient/ada');
      const found = await page.evaluate(
        'client.request("Observation", { pageLimit: 0, flat: true }).then((all) => all.map(({ id }) => id))',
      );
      expect(found).toEqual(['of-ada']);
      expect(await statusOf('Patient/eve')).toBe(404);
    });

    it('gets what was left ticked', async () => {
      await openApp('launch/patient patient/Patient.rs patient/Observation.rs');
      await signIn('ada');
      await page.getByLabel('measurements and results').first().uncheck();
      await allow();

      expect(await page.evaluate('client.state.tokenResponse.scope')).not.toContain('Observation');
      expect(await statusOf('Patient/ada')).toBe(200);
      expect(await statusOf('Observation/of-ada')).toBe(403);
    });

    it('gets the patient that was picked', async () => {
      await openApp('launch/patient launch/encounter patient/Patient.rs');
      await signIn('grey');
      await page.getByRole('searchbox').fill('lovelace');
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('button', { name: 'Ada Lovelace' }).click();
      await page.getByRole('button', { name: 'Check-up' }).click();
      await allow();

      expect(await page.evaluate('[client.patient.id, client.encounter.id]')).toEqual(['ada', 'visit']);
    });

    it('is opened by an EHR', async () => {
      const launch = await hospital.launch({ patient: 'eve', client_id: hospital.client, intent: 'review' });
      await openApp('launch openid fhirUser user/Patient.rs', { launch });
      await signIn('grey');
      await allow();

      expect(await page.evaluate('client.patient.id')).toBe('eve');
      expect(await page.evaluate('client.state.tokenResponse.intent')).toBe('review');
      expect(await page.evaluate('client.patient.read().then(({ id }) => id)')).toBe('eve');
    });

    it('refreshes its token, and the old one is spent', async () => {
      await openApp('launch/patient offline_access patient/Patient.rs');
      await signIn('ada');
      await allow();
      const before = await page.evaluate('client.state.tokenResponse.refresh_token');
      await page.evaluate('client.refresh().then(() => undefined)');

      expect(await page.evaluate('client.state.tokenResponse.refresh_token')).not.toBe(before);
      expect(await statusOf('Patient/ada')).toBe(200);
    });

    it('learns when the person does not agree', async () => {
      await openApp('launch/patient patient/Patient.rs');
      await signIn('ada');
      await page.getByRole('button', { name: 'Do not allow' }).click();

      await expect.poll(() => page.title(), { timeout: TOO_LONG }).toMatch(/^Failed: .*did not agree/);
    });

    it('loses access when the person ends it, and who signs out is asked again', async () => {
      await openApp('launch/patient patient/Patient.rs');
      await signIn('ada');
      await allow();
      expect(await statusOf('Patient/ada')).toBe(200);

      const apps = await context.newPage();
      await apps.goto(`${hospital.server.url}/auth/apps`);
      const ends = apps.getByRole('button', { name: 'End the access' });
      for (let left = await ends.count(); left > 0; left--) await ends.first().click();
      expect(await statusOf('Patient/ada')).toBe(401);

      await apps.getByRole('button', { name: 'Sign out' }).click();
      await openApp('launch/patient patient/Patient.rs');
      await page.getByLabel('Password').waitFor();
    });
  });

  it('openid-client learns who signed in', async () => {
    const { server, client } = hospital;
    const redirect = `${app.origin}/landed`;
    const config = await oidc.discovery(new URL(`${server.url}/auth`), client, undefined, oidc.None(), {
      execute: [oidc.allowInsecureRequests],
    });
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()];
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirect,
      scope: 'openid fhirUser',
      aud: server.fhirBase,
      state: expectedState,
      nonce: expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    });
    await page.goto(url.href);
    await signIn('ada');
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.waitForURL(`${redirect}?*`);
    const tokens = await oidc.authorizationCodeGrant(config, new URL(page.url()), {
      pkceCodeVerifier,
      expectedState,
      expectedNonce,
      idTokenExpected: true,
    });

    expect(tokens.claims()).toMatchObject({
      iss: `${server.url}/auth`,
      aud: client,
      fhirUser: `${server.fhirBase}/Patient/ada`,
    });
  });
});
