/** Two servers of our own: one is the source of the other, which pulls on its schedule and when it is told to. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../http/free-port.js';
import { keyFile, patientLines } from '../jobs/bulk-client/testing.js';
import {
  type Finished,
  fairway,
  jobProcesses,
  type ServerProcess,
  serveProcess,
  TELLS_CHILDREN,
  until,
} from './testing.js';

/** Each command is a process that starts: a busy machine takes its time. */
const PATIENCE = 900_000;

let folder: string;
let servers: ServerProcess[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-sources-'));
  servers = [];
});
afterAll(async () => {
  for (const { child } of servers) child.kill('SIGTERM');
  for (const { end } of servers) await end;
  rmSync(folder, { recursive: true, force: true });
}, PATIENCE);

async function serving(settings: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const server = await serveProcess(settings);
  servers.push(server);
  return server;
}

async function loaded(text: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const file = join(folder, `load-${readdirSync(folder).length}.ndjson`);
  writeFileSync(file, text);
  expect(await fairway(['load', file], settings)).toMatchObject({ status: 0 });
}

/** The settings of a source with backend services, and of who pulls from it and from one that is not there. */
async function pair(): Promise<{
  readonly source: Record<string, string>;
  readonly puller: Record<string, string>;
  readonly url: string;
}> {
  const source = { FAIRWAY_AUTH: 'smart', FAIRWAY_DATA_DIR: join(folder, 'source') };
  const keys = await keyFile('ES384');
  const files = { key: join(folder, 'key.json'), jwks: join(folder, 'jwks.json') };
  writeFileSync(files.key, JSON.stringify({ ...keys.jwk, kid: 'one' }));
  writeFileSync(files.jwks, JSON.stringify({ keys: [{ ...keys.publicJwk, kid: 'one', alg: 'ES384' }] }));
  const words = [
    'client',
    'add',
    '--type',
    'backend',
    '--jwks',
    files.jwks,
    '--scope',
    'system/*.rs',
    '--json',
  ];
  const { client_id: clientId } = JSON.parse((await fairway(words, source)).output) as { client_id: string };
  const { url } = await serving(source);
  const every = '1h';
  const night = { bulk: { url: `${url}/fhir`, clientId, key: files.key, every } };
  const gone = { bulk: { url: `http://127.0.0.1:${await freePort('127.0.0.1')}/Dorothea`, every } };
  const puller = {
    FAIRWAY_AUTH: 'open',
    FAIRWAY_DATA_DIR: join(folder, 'puller'),
    FAIRWAY_JOB_LEASE: '3000',
    FAIRWAY_SOURCES: JSON.stringify({ night, gone }),
  };
  return { source, puller, url: `${url}/fhir` };
}

const sources = (words: readonly string[], settings: Readonly<Record<string, string>>): Promise<Finished> =>
  fairway(['sources', ...words], settings);

async function countOf({ url }: ServerProcess): Promise<number> {
  const answer = await fetch(`${url}/fhir/Patient?_summary=count`);
  return ((await answer.json()) as { total: number }).total;
}

interface Stored {
  readonly status: number;
  readonly version?: string;
  readonly source?: string;
  readonly active?: boolean;
}

async function patient({ url }: ServerProcess, id: string): Promise<Stored> {
  const answer = await fetch(`${url}/fhir/Patient/${id}`);
  const { meta, active } = (await answer.json()) as {
    meta?: { versionId: string; source: string };
    active?: boolean;
  };
  if (meta === undefined) return { status: answer.status };
  const stored = { status: answer.status, version: meta.versionId, source: meta.source };
  return active === undefined ? stored : { ...stored, active };
}

async function versionsOf({ url }: ServerProcess): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  let next: string | undefined = `${url}/fhir/Patient?_count=1000`;
  while (next !== undefined) {
    const page = (await (await fetch(next)).json()) as {
      entry: { resource: { meta: { versionId: string } } }[];
      link: { relation: string; url: string }[];
    };
    for (const { resource } of page.entry) {
      const { versionId } = resource.meta;
      found.set(versionId, (found.get(versionId) ?? 0) + 1);
    }
    next = page.link.find(({ relation }) => relation === 'next')?.url;
  }
  return found;
}

describe.skipIf(!TELLS_CHILDREN)('a source', { timeout: PATIENCE }, () => {
  const PATIENTS = 5_000;
  let source: Record<string, string>;
  let puller: Record<string, string>;
  let url: string;
  let server: ServerProcess;
  /** Of both servers. */
  let log = '';

  beforeAll(async () => {
    ({ source, puller, url } = await pair());
    await loaded(patientLines(PATIENTS), source);
  }, PATIENCE);

  it('is pulled when the server starts, and is in once, though everything that pulled was killed', async () => {
    const first = await serving(puller);
    let before = 0;
    await until(async () => {
      before = await countOf(first);
      return before >= 1_000;
    });
    const killed = jobProcesses(first.child.pid ?? 0);
    first.child.kill('SIGKILL');
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    log += (await first.end).output;

    server = await serving(puller);
    await until(async () => (await countOf(server)) === PATIENTS);
    await until(async () => (await sources(['list'], puller)).output.includes('last run good'));

    expect(before).toBeLessThan(PATIENTS);
    expect(killed).toHaveLength(1);
    expect(await countOf(server)).toBe(PATIENTS);
    expect(await versionsOf(server)).toEqual(new Map([['1', PATIENTS]]));
    expect(await patient(server, 'p1')).toMatchObject({ status: 200, version: '1', source: url });
    const { output } = await sources(['list'], puller);
    expect(output).toContain('5,000 stored, 0 deleted, 0 refused');
  });

  it('is pulled for what has changed since, deletions too', async () => {
    const change = { resourceType: 'Patient', id: 'p1', active: false };
    const request = (method: string, id: string) => ({ request: { method, url: `Patient/${id}` } });
    await loaded(
      `${JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          { ...request('PUT', 'p1'), resource: change },
          { ...request('PUT', 'new'), resource: { ...change, id: 'new' } },
          request('DELETE', 'p2'),
        ],
      })}\n`,
      source,
    );
    const { status, output, errors } = await sources(['run', 'night'], puller);

    expect(errors).not.toContain('fairway:');
    expect(output).toContain('last run good');
    expect(output).toContain('2 stored, 1 deleted, 0 refused');
    expect(status).toBe(0);
    expect(await patient(server, 'p1')).toMatchObject({ version: '2', active: false });
    expect(await patient(server, 'new')).toMatchObject({ status: 200, version: '1' });
    expect((await patient(server, 'p2')).status).toBe(410);
    expect(await patient(server, 'p3')).toMatchObject({ version: '1' });
    expect(readdirSync(join(folder, 'puller', 'sources', 'night'))).toEqual([]);
  });

  it('that is not there fails, is shown to the operator and the doctor, and not in the log', async () => {
    await until(async () => (await sources(['list'], puller)).output.includes('last run failed'));
    const { output } = await sources(['list'], puller);
    const unknown = await sources(['run', 'other'], puller);
    const doctor = await fairway(['doctor'], { ...puller, FAIRWAY_PORT: '0' });
    server.child.kill('SIGTERM');
    log += (await server.end).output;

    expect(output).toMatch(/starting the export: 127\.0\.0\.1 cannot be reached/);
    expect(doctor.output).toContain('ok       source night: pulled at');
    expect(doctor.output).toMatch(/problem {2}source gone: the last run failed at .*cannot be reached/);
    expect(unknown).toMatchObject({
      status: 2,
      errors: expect.stringContaining('no source other: it has night, gone'),
    });
    expect(log).toContain('a source was not pulled as a whole');
    expect(log).not.toContain('Dorothea');
  });
});
