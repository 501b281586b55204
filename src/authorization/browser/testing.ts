/**
 * For tests in a real browser: Chromium where the machine has one, and what every page is held to.
 *
 * Where there is none the suites are skipped and counted; FAIRWAY_REQUIRE_BROWSER=1 makes that a failure.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { expect } from 'vitest';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const CHROMIUM = [process.env.CHROMIUM_PATH ?? '', ...PLACES].find((path) => path !== '' && existsSync(path));

/** For `describe.skipIf`. */
export const NO_BROWSER = CHROMIUM === undefined && process.env.FAIRWAY_REQUIRE_BROWSER !== '1';

/** A fresh profile; nothing of its own goes to the network. */
export function openBrowser(): Promise<Browser> {
  if (CHROMIUM === undefined) {
    throw new Error(
      'No Chromium was found: install it (apt-get install chromium) or name it by CHROMIUM_PATH.',
    );
  }
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      // Nobody looks at most pages: painting them takes more of the processors than all else.
      '--disable-gpu',
      '--disable-gpu-compositing',
      '--disable-software-rasterizer',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

interface Look {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly colorScheme: 'light' | 'dark';
}

export const PHONE: Look = {
  name: 'phone, light',
  width: 390,
  height: 844,
  colorScheme: 'light',
};
const DESK: Look = {
  name: 'desktop, light',
  width: 1280,
  height: 900,
  colorScheme: 'light',
};

/** How people see the pages. */
const LOOKS: readonly Look[] = [
  PHONE,
  { ...PHONE, name: 'phone, dark', colorScheme: 'dark' },
  DESK,
  { ...DESK, name: 'desktop, dark', colorScheme: 'dark' },
];

/** Milliseconds that a page may take on a machine with much else to do. */
export const TOO_LONG = 120_000;

/** A person's browser without cookies; its first page. */
export async function newPage(
  browser: Browser,
  { width, height, colorScheme }: Look = DESK,
  more: { readonly javaScriptEnabled?: boolean } = {},
): Promise<{ readonly context: BrowserContext; readonly page: Page }> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, ...more });
  context.setDefaultTimeout(TOO_LONG);
  return { context, page: await context.newPage() };
}

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

interface AxeViolation {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** The page as people see it, in every look: usable by everybody, no wider than the screen, with targets that a finger hits. */
export async function expectFineLooks(page: Page, name: string): Promise<void> {
  await page.evaluate(AXE);
  for (const look of LOOKS) {
    await page.setViewportSize(look);
    await page.emulateMedia({ colorScheme: look.colorScheme });
    await expectFineLook(page, `${name}, ${look.name}`);
  }
}

async function expectFineLook(page: Page, name: string): Promise<void> {
  await keepPicture(page, name);
  const violations = await page.evaluate<readonly AxeViolation[]>(
    "axe.run({ resultTypes: ['violations'] }).then((found) => found.violations)",
  );
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(grave.map(({ id, help, nodes }) => `${name}: ${id} ${help} ${nodes[0]?.html}`)).toEqual([]);
  const small = `[...document.querySelectorAll('button, label.choice, summary, input:not([type=hidden]):not([type=checkbox])')]
    .filter((each) => each.offsetParent !== null && each.getBoundingClientRect().height < 44)
    .map((each) => each.outerHTML.slice(0, 80))`;
  expect(await page.evaluate(small), `${name}: too small for a finger`).toEqual([]);
  const isTooWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
  expect(await page.evaluate(isTooWide), `${name} is wider than the screen`).toBe(false);
}

/** For eyes: FAIRWAY_PICTURES names a folder. */
async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env.FAIRWAY_PICTURES;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name.replace(/[^a-z]+/gi, '-')}.png`), fullPage: true });
}

/** Where the keyboard is: what the element is called, and whether it shows that it has the focus. */
const FOCUSED = `(() => {
  const { activeElement: at } = document;
  const label = at.labels?.[0] ?? at;
  return { name: label.innerText.trim(), seen: getComputedStyle(at).outlineStyle !== 'none' };
})()`;
const MOST_TABS = 60;

/**
 * The page gave the keyboard to this field by itself: what is typed now arrives there. Browsers do so when they first paint
 * the page, which may be after it was loaded.
 */
export function startsAt(page: Page, field: Locator): Promise<void> {
  return field.and(page.locator(':focus')).waitFor();
}

/** Presses Tab until what is called so has the focus. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let at = 0; at < MOST_TABS; at++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate<{ name: string; seen: boolean }>(FOCUSED);
    if (!focused.name.startsWith(name)) continue;
    expect(focused.seen, `${name} shows its focus`).toBe(true);
    return;
  }
  throw new Error(`Tab leads nowhere that is called ${name}.`);
}
