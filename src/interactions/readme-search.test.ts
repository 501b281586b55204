/** The README's page on search: every line of it is asked, on a population such as `npm start` loads. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundles } from '../demo/bundles.js';
import { openWorld, type World } from './testing.js';

const PAGE = /^## Search\n(.*?)^## /ms.exec(readFileSync('README.md', 'utf8'))?.[1] ?? '';

/** `GET Patient?… → 400`: what is to come of it; without an arrow, a Bundle with matches. */
const EXAMPLES = [...PAGE.matchAll(/^GET (\S*?[^→\n]*?)(?: → (.+))?$/gm)].map(
  ([, url = '', outcome = 'matches']) => [url.trim(), outcome] as const,
);

let world: World;

beforeAll(async () => {
  world = await openWorld();
  for (const { bundle } of bundles({ seed: 1, patients: 12 })) {
    expect((await world.ask('POST ', { body: bundle })).status).toBe(200);
  }
}, 240_000);
afterAll(() => world.close());

test('the page has examples', () => {
  expect(EXAMPLES.length).toBeGreaterThan(20);
});

test.each(EXAMPLES)('GET %s → %s', async (url, outcome) => {
  const [path = '', query = ''] = url.split('?', 2);
  const { status, json } = await world.ask(`GET ${path}${query === '' ? '' : `?${encoded(query)}`}`);
  if (outcome === '400') {
    expect(status).toBe(400);
    expect(json.resourceType).toBe('OperationOutcome');
    return;
  }
  expect(status, JSON.stringify(json.issue)).toBe(200);
  if (outcome === 'Parameters') expect(json.resourceType).toBe('Parameters');
  else if (outcome === 'none') expect(json.entry).toBeUndefined();
  else if (url.includes('_summary=count')) expect(json.total).toBeGreaterThan(0);
  else expect(json.entry?.length ?? 0).toBeGreaterThan(0);
});

/** The page shows queries as people write them. */
function encoded(query: string): string {
  return query
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return `${encodeURIComponent(pair.slice(0, equals))}=${encodeURIComponent(pair.slice(equals + 1))}`;
    })
    .join('&');
}
