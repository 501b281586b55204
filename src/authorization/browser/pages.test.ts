/**
 * The pages as people meet them: on a phone and on a desk, in light and in the dark, by keyboard alone, without script.
 * https://www.w3.org/TR/WCAG22/
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWebApp, type WebApp } from './app/testing.js';
import { type Hospital, openHospital, PASSWORD } from './hospital/testing.js';
import { expectFineLooks, NO_BROWSER, newPage, openBrowser, PHONE, startsAt, tabTo } from './testing.js';

describe.skipIf(NO_BROWSER)('the pages', () => {
  let app: WebApp;
  let hospital: Hospital;
  let browser: Browser;

  beforeAll(async () => {
    [app, browser] = await Promise.all([startWebApp(), openBrowser()]);
    hospital = await openHospital(app);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await Promise.all([app.stop(), hospital.stop()]);
  });

  /** A request for a code: its answer is looked at in the address that the browser ends at. */
  function authorizeUrl(scope: string, more: Readonly<Record<string, string>> = {}): string {
    const { server, client } = hospital;
    const asked = new URLSearchParams({
      response_type: 'code',
      client_id: client,
      redirect_uri: `${app.origin}/landed`,
      scope,
      state: 'state-1',
      aud: server.fhirBase,
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
      ...(scope.includes('openid') ? { nonce: 'n-1' } : {}),
      ...more,
    });
    return `${server.url}/auth/authorize?${asked}`;
  }

  function press(page: Page, name: string): Promise<void> {
    return page.getByRole('button', { name, exact: name === 'Allow' }).click();
  }

  const WHOLE = [
    'launch/patient launch/encounter openid fhirUser offline_access',
    'patient/Patient.rs patient/Observation.rs patient/Condition.rs patient/MedicationRequest.rs patient/*.cu',
  ].join(' ');

  it('look fine to everybody', async () => {
    const { context, page } = await newPage(browser);
    const asked = new Set<string>();
    context.on('request', (request) => asked.add(new URL(request.url()).origin));
    const fine = (name: string): Promise<void> => expectFineLooks(page, name);

    await page.goto(authorizeUrl(WHOLE));
    await fine('sign-in');
    await page.getByLabel('User name').fill('grey');
    await page.getByLabel('Password').fill('not the password');
    await press(page, 'Sign in');
    await fine('sign-in refused');
    await page.getByLabel('Password').fill(PASSWORD);
    await press(page, 'Sign in');
    await fine('patient picker');
    await page.getByRole('searchbox').fill('nobody');
    await press(page, 'Search');
    await fine('patient picker without a match');
    await page.getByRole('searchbox').fill('');
    await press(page, 'Search');
    await press(page, 'Ada Lovelace');
    await fine('visit picker');
    await press(page, 'Check-up');
    await fine('consent');
    await page.locator('summary').first().click();
    await fine('consent with parts');
    await press(page, 'Allow');
    await page.waitForURL(`${app.origin}/landed?*`);
    expect(new URL(page.url()).searchParams.get('code')).not.toBeNull();
    await page.goto(`${hospital.server.url}/auth/apps`);
    await fine('apps');
    await press(page, 'End the access');
    await fine('apps, one ended');
    await press(page, 'Sign out');
    await fine('signed out');
    await page.goto(`${hospital.server.url}/auth/apps`);
    await fine('nobody is signed in');
    await page.goto(authorizeUrl(WHOLE, { redirect_uri: 'https://evil.example/back' }));
    await fine('a request that leads nowhere');
    await page.goto(`${hospital.server.url}/auth/interaction/unknown`);
    await fine('a sign-in that is over');
    await page.goto(hospital.server.url);
    await fine('landing page');

    expect([...asked].sort()).toEqual([app.origin, hospital.server.url].sort());
    await context.close();
  });

  it('say to a patient whose record it is, in words of the own record', async () => {
    const { context, page } = await newPage(browser, PHONE);
    await page.goto(authorizeUrl('launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs'));
    await page.getByLabel('User name').fill('ada');
    await page.getByLabel('Password').fill(PASSWORD);
    await press(page, 'Sign in');
    await expectFineLooks(page, 'consent of a patient');
    await context.close();
  });

  it('need no mouse', async () => {
    const { context, page } = await newPage(browser);
    const { keyboard } = page;
    await page.goto(authorizeUrl('launch/patient patient/Patient.rs patient/Observation.rs'));
    await startsAt(page, page.getByLabel('User name'));
    await keyboard.type('grey');
    await tabTo(page, 'Password');
    await keyboard.type(PASSWORD);
    await keyboard.press('Enter');
    await startsAt(page, page.getByRole('searchbox'));
    await keyboard.type('ada');
    await keyboard.press('Enter');
    await page.getByRole('button', { name: 'Ben Lovelace' }).waitFor({ state: 'detached' });
    await tabTo(page, 'Ada Lovelace');
    await keyboard.press('Enter');
    await page.getByRole('checkbox').first().waitFor();
    await tabTo(page, 'See the patient’s measurements and results');
    await keyboard.press('Space');
    expect(await page.getByLabel('measurements and results').first().isChecked()).toBe(false);
    await tabTo(page, 'Allow');
    await keyboard.press('Space');
    await page.waitForURL(`${app.origin}/landed?*`);

    await page.goto(`${hospital.server.url}/auth/apps`);
    expect(await page.getByText('See the patient’s personal details').count()).toBeGreaterThan(0);
    await tabTo(page, 'Sign out');
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Signed out' }).waitFor();
    await context.close();
  });

  it('need no script', async () => {
    const { context, page } = await newPage(browser, PHONE, { javaScriptEnabled: false });
    await page.goto(authorizeUrl('launch/patient patient/Patient.rs patient/Observation.rs'));
    await page.getByLabel('User name').fill('mum');
    await page.getByLabel('Password').fill(PASSWORD);
    await press(page, 'Sign in');
    await press(page, 'Ben Lovelace');
    await page.getByText('Share only a part').click();
    await page.getByLabel('measurements and results').first().uncheck();
    await page.getByLabel(/laboratory results$/).check();
    await press(page, 'Allow');
    await page.waitForURL(`${app.origin}/landed?*`);

    await page.goto(`${hospital.server.url}/auth/apps`);
    expect(await page.getByText('See the patient’s laboratory results').count()).toBe(1);
    await context.close();
  });

  it.each(['/auth/authorize', '/auth/apps'])(
    'show nothing of %s in a frame of another site',
    async (path) => {
      const { context, page } = await newPage(browser);
      const { url } = hospital.server;
      const of = path === '/auth/apps' ? `${url}${path}` : authorizeUrl('launch/patient patient/Patient.rs');
      const failed = page.waitForEvent('requestfailed');
      await page.goto(`${app.frameUrl}?${new URLSearchParams({ of })}`);

      expect((await failed).failure()?.errorText).toBe('net::ERR_BLOCKED_BY_RESPONSE');
      expect((await page.frameLocator('iframe').locator('body').innerText()).trim()).not.toContain('sign');
      await context.close();
    },
  );
});
