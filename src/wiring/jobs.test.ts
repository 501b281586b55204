/** Jobs of whole servers: job processes that are started when there is work, by one process and by workers. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fairway, type ServerProcess, serveProcess, until } from './testing.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-jobs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function stop({ child, end }: ServerProcess): Promise<void> {
  child.kill('SIGTERM');
  expect((await end).status).toBe(0);
}

async function begin({ url }: ServerProcess): Promise<string> {
  const headers = { prefer: 'respond-async', accept: 'application/fhir+json' };
  const answer = await fetch(`${url}/fhir/$export?_type=Patient`, { headers });
  expect(answer.status).toBe(202);
  return new URL(answer.headers.get('content-location') ?? '').pathname;
}

async function completed({ url }: ServerProcess, path: string): Promise<{ count: number; url: string }[]> {
  let found: { count: number; url: string }[] = [];
  await until(async () => {
    const answer = await fetch(`${url}${path}`);
    if (answer.status === 202) return false;
    expect(answer.status).toBe(200);
    found = ((await answer.json()) as { output: { count: number; url: string }[] }).output;
    return true;
  });
  return found;
}

async function write({ url }: ServerProcess): Promise<void> {
  const answer = await fetch(`${url}/fhir/Patient/a`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: '{"resourceType":"Patient","id":"a"}',
  });
  expect(answer.status).toBe(201);
}

describe('a server', () => {
  it.each(['1', '2'])('does jobs in a process of its own, with %s workers', async (workers) => {
    const server = await serveProcess({ FAIRWAY_DATA_DIR: folder, FAIRWAY_WORKERS: workers });
    await write(server);
    const path = await begin(server);

    const [file] = await completed(server, path);

    expect(file?.count).toBe(1);
    const name = new URL(file?.url ?? '').pathname;
    expect(await (await fetch(`${server.url}${name}`)).text()).toMatch(
      /^\{"resourceType":"Patient","id":"a".*\}\n$/,
    );
    expect((await fetch(`${server.url}${path}`, { method: 'DELETE' })).status).toBe(202);
    await until(async () => readdirSync(join(folder, 'jobs')).length === 0);
    await stop(server);
  });

  it('leaves jobs to others where it may have no process, and to the next start', async () => {
    const idle = await serveProcess({ FAIRWAY_DATA_DIR: folder, FAIRWAY_JOB_PROCESSES: '0' });
    await write(idle);
    const path = await begin(idle);
    expect((await fetch(`${idle.url}${path}`)).status).toBe(202);
    await stop(idle);
    expect(existsSync(join(folder, 'jobs'))).toBe(false);

    const next = await serveProcess({ FAIRWAY_DATA_DIR: folder });
    expect(await completed(next, path)).toHaveLength(1);
    await stop(next);
  });
});

describe('fairway', () => {
  it('does not show its inner command for jobs', async () => {
    const { output } = await fairway(['--help']);

    expect(output).not.toContain('run-jobs');
  });
});
