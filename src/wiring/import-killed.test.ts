/** An import whose processes are killed in its middle: everything is in once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Site, serveHttp } from '../net/testing.js';
import { jobProcesses, type ServerProcess, serveProcess, TELLS_CHILDREN, until } from './testing.js';

const PATIENCE = 500_000;
const EACH = 6_000;

let folder: string;
let server: ServerProcess | undefined;
let site: Site | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-import-'));
});
afterEach(async () => {
  server?.child.kill('SIGTERM');
  await server?.end;
  await site?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function linesOf(type: string): string {
  return Array.from({ length: EACH }, (_, at) => `{"resourceType":"${type}","id":"${at}"}\n`).join('');
}

interface Page {
  readonly entry: readonly { readonly resource: { readonly meta: { readonly versionId: string } } }[];
  readonly link: readonly { readonly relation: string; readonly url: string }[];
}

/** How many resources have which version. */
async function versionsOf(url: string, type: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  let next: string | undefined = `${url}/fhir/${type}?_count=1000`;
  while (next !== undefined) {
    const { entry, link } = (await (await fetch(next)).json()) as Page;
    for (const { resource } of entry) {
      const { versionId } = resource.meta;
      found.set(versionId, (found.get(versionId) ?? 0) + 1);
    }
    next = link.find(({ relation }) => relation === 'next')?.url;
  }
  return found;
}

describe.skipIf(!TELLS_CHILDREN)('an import', { timeout: PATIENCE }, () => {
  it('is in once and whole, though both of its processes were killed', async () => {
    let isKilled = false;
    const asked = new Map<string, number>();
    site = await serveHttp((request, response) => {
      const type = request.url?.slice(1) ?? '';
      asked.set(type, (asked.get(type) ?? 0) + 1);
      const text = linesOf(type);
      response.writeHead(200, { 'content-length': text.length, etag: `"${type}"` });
      // Of the first answer the second half never comes.
      if (isKilled) response.end(text);
      else response.write(text.slice(0, text.length / 2));
    });
    server = await serveProcess({
      FAIRWAY_DATA_DIR: folder,
      FAIRWAY_JOB_PROCESSES: '2',
      FAIRWAY_JOB_LEASE: '3000',
    });
    const { url, child } = server;
    const count = async (query: string): Promise<number> => {
      const answer = (await (await fetch(`${url}/fhir/${query}`)).json()) as { total: number };
      return answer.total;
    };
    const accepted = await fetch(`${url}/fhir/$import`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', prefer: 'respond-async' },
      body: JSON.stringify({
        resourceType: 'Parameters',
        parameter: ['Patient', 'Practitioner'].map((type) => ({
          name: 'input',
          part: [
            { name: 'type', valueCode: type },
            { name: 'url', valueUrl: `http://127.0.0.1:${site?.port}/${type}` },
          ],
        })),
      }),
    });
    expect(accepted.status, await accepted.text()).toBe(202);

    await until(async () => (await count('Patient?_summary=count')) >= 2_000);
    await until(async () => (await count('Practitioner?_summary=count')) >= 2_000);
    isKilled = true;
    const killed = jobProcesses(child.pid ?? 0);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    const status = accepted.headers.get('content-location') ?? '';
    await until(async () => (await fetch(status)).status !== 202);

    expect(killed).toHaveLength(2);
    const manifest = (await (await fetch(status)).json()) as object;
    expect(manifest).toMatchObject({
      output: [
        { type: 'Patient', count: EACH },
        { type: 'Practitioner', count: EACH },
      ],
      error: [],
    });
    expect(await count('Patient?_summary=count')).toBe(EACH);
    expect(await count('Practitioner?_summary=count')).toBe(EACH);
    expect(await versionsOf(url, 'Patient')).toEqual(new Map([['1', EACH]]));
    expect(await versionsOf(url, 'Practitioner')).toEqual(new Map([['1', EACH]]));
    for (const times of asked.values()) expect(times).toBeGreaterThanOrEqual(2);
  });
});
