/** A server whose files of jobs lie in a bucket: exported, read, taken over after a kill, removed. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { S3Simulator } from '../stores/s3/testing.js';
import { fairway, jobProcesses, type ServerProcess, serveProcess, TELLS_CHILDREN, until } from './testing.js';

const PATIENCE = 500_000;
const RESOURCES = 40;
/** Characters of each: the file has parts. */
const EACH = 200_000;
const DAY = 24 * 3_600_000;

let folder: string;
let s3: S3Simulator;
let settings: Record<string, string>;
let server: ServerProcess | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-bucket-'));
  s3 = await S3Simulator.start();
  settings = {
    FAIRWAY_DATA_DIR: folder,
    FAIRWAY_FILES: 's3://files/fairway',
    FAIRWAY_S3_ENDPOINT: s3.endpoint,
    FAIRWAY_S3_REGION: s3.region,
    FAIRWAY_JOB_LEASE: '3000',
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    AWS_SESSION_TOKEN: s3.credentials.sessionToken,
  };
});
afterEach(async () => {
  server?.child.kill('SIGTERM');
  await server?.end;
  server = undefined;
  await s3.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function write(url: string, id: string, characters: number): Promise<void> {
  const content = {
    resourceType: 'Basic',
    id,
    extension: [{ url: 'http://example.org/bulk', valueString: 'x'.repeat(characters) }],
    code: { text: 'bulk' },
  };
  const headers = { 'content-type': 'application/fhir+json' };
  const answer = await fetch(`${url}/fhir/Basic/${id}`, {
    method: 'PUT',
    headers,
    body: JSON.stringify(content),
  });
  expect(answer.status, await answer.text()).toBe(201);
}

async function begin(url: string): Promise<string> {
  const answer = await fetch(`${url}/fhir/$export?_type=Basic`, { headers: { prefer: 'respond-async' } });
  expect(answer.status).toBe(202);
  return `${url}${new URL(answer.headers.get('content-location') ?? '').pathname}`;
}

async function ended(status: string): Promise<Response> {
  await until(async () => (await fetch(status)).status !== 202);
  return fetch(status);
}

async function fileOf(status: string): Promise<{ readonly url: string; readonly count: number }> {
  const answer = await ended(status);
  expect(answer.status).toBe(200);
  const { output } = (await answer.json()) as { output: { url: string; count: number }[] };
  expect(output).toHaveLength(1);
  const [{ url, count }] = output as [{ url: string; count: number }];
  return { url: `${new URL(status).origin}${new URL(url).pathname}`, count };
}

describe.skipIf(!TELLS_CHILDREN)('files in a bucket', { timeout: PATIENCE }, () => {
  it('are whole though their writer was killed in the midst of a part, and leave nothing behind', async () => {
    server = await serveProcess(settings);
    const { url, child } = server;
    for (let at = 0; at < RESOURCES; at++) await write(url, `r${at}`, EACH);
    let isHeld = false;
    s3.trouble = ({ operation }) => {
      if (operation !== 'UploadPart' || isHeld) return undefined;
      isHeld = true;
      return 'hold';
    };

    const status = await begin(url);
    await until(async () => isHeld);
    const killed = jobProcesses(child.pid ?? 0);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    const file = await fileOf(status);

    expect(killed).toHaveLength(1);
    expect(file.count).toBe(RESOURCES);
    const answer = await fetch(file.url);
    const text = await answer.text();
    const ids = text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id);
    expect(new Set(ids).size).toBe(RESOURCES);
    const range = await fetch(file.url, { headers: { range: 'bytes=5000000-6000000' } });
    expect(range.status).toBe(206);
    expect(await range.text()).toBe(text.slice(5_000_000, 6_000_001));
    expect(readdirSync(folder)).not.toContain('jobs');

    // What the dead one began is older than a day by now, and another process begins.
    expect(s3.uploads.size).toBe(1);
    for (const upload of s3.uploads.values()) upload.initiated -= 2 * DAY;
    for (const pid of jobProcesses(child.pid ?? 0)) process.kill(pid, 'SIGTERM');
    await until(async () => jobProcesses(child.pid ?? 0).length === 0);
    const next = await begin(url);
    await fileOf(next);
    await until(async () => s3.uploads.size === 0);
    for (const one of [status, next]) expect((await fetch(one, { method: 'DELETE' })).status).toBe(202);
    await until(async () => s3.objects.size === 0);
  });

  it('that cannot be written fail their job, which says so; that cannot be read are a 503', async () => {
    server = await serveProcess(settings);
    const { url } = server;
    await write(url, 'r', 10);
    const file = await fileOf(await begin(url));

    s3.trouble = ({ operation }) => (operation === 'PutObject' ? 'slow-down' : undefined);
    const failed = await ended(await begin(url));
    expect(failed.status).toBe(500);
    expect(await failed.text()).toContain(
      'The job failed: The bucket for files cannot be used: it still answers with the status 503 after 5 tries.',
    );

    s3.trouble = ({ operation }) => (operation === 'HeadObject' ? 'slow-down' : undefined);
    const unreadable = await fetch(file.url);
    expect(unreadable.status).toBe(503);
    expect(await unreadable.json()).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ code: 'transient' }],
    });
    s3.trouble = () => undefined;
    expect((await fetch(file.url)).status).toBe(200);
  });

  it('are tried by the doctor, who says what is wrong', async () => {
    const port = { FAIRWAY_PORT: '0', FAIRWAY_AUTH: 'open' };
    const well = await fairway(['doctor'], { ...settings, ...port });
    const ill = await fairway(['doctor'], { ...settings, ...port, AWS_SECRET_ACCESS_KEY: 'wrong' });

    expect(well.output).toContain(
      'ok       files of jobs: s3://files/fairway can be written, read and removed from\n',
    );
    expect(s3.objects.size).toBe(0);
    expect(ill.output).toMatch(/problem {2}files of jobs: .*check AWS_SECRET_ACCESS_KEY/);
    expect(ill.output + ill.errors).not.toContain(s3.credentials.secretAccessKey);
    expect(ill.status).toBe(1);
  });
});
