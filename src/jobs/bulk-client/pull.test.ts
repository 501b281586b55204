/** Exports from a server that keeps to the specification and expects it of its clients. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isComplete } from './report.js';
import {
  type BulkOptions,
  type BulkServer,
  patientLines,
  pullWorld,
  type ServedFile,
  serveBulk,
} from './testing.js';

let world: ReturnType<typeof pullWorld>;
const servers: BulkServer[] = [];
beforeEach(() => {
  world = pullWorld();
});
afterEach(async () => {
  // Whatever a test is about: its server had nothing to complain of.
  expect(servers.flatMap(({ offences }) => offences)).toEqual([]);
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  world.end();
});

async function serving(options: Partial<BulkOptions> = {}): Promise<BulkServer> {
  const server = await serveBulk({ clock: world.clock, files: FILES, ...options });
  servers.push(server);
  return server;
}

const output = (content: string, more: Partial<ServedFile> = {}): ServedFile => ({
  kind: 'output',
  type: 'Patient',
  content,
  ...more,
});
const FILES = { one: output(patientLines(30)), two: output(patientLines(12, 30)) };
const deletion = (id: string) => ({ request: { method: 'DELETE', url: `Patient/${id}` } });

describe('an export', () => {
  it('fetches every file, keeps the manifest, and lets the server forget', async () => {
    const server = await serving();

    const summary = await world.pull(server);

    expect(isComplete(summary)).toBe(true);
    expect(summary.resources).toEqual(new Map([['Patient', 42]]));
    expect(readdirSync(summary.folder).sort()).toEqual([
      'Patient.001.ndjson',
      'Patient.002.ndjson',
      'manifest.json',
    ]);
    expect(world.read(summary, 'Patient.002.ndjson')).toBe(FILES.two.content);
    expect(JSON.parse(world.read(summary, 'manifest.json'))).toMatchObject({
      transactionTime: summary.transactionTime,
    });
    expect(server.log.filter((line) => line.startsWith('DELETE'))).toHaveLength(1);
    expect(server.kickOffs.map(({ pathname, search }) => pathname + search)).toEqual(['/fhir/$export']);
  });

  it('asks for its state as seldom as the server wants, and tells what it says', async () => {
    await world.pull(await serving({ polls: 3, retryAfter: 77 }));

    expect(world.pauses.filter((pause) => pause === 77_000)).toHaveLength(3);
    expect(world.notes).toContain('the server is at work: 20 % done');
  });

  it.each([
    [{ level: { kind: 'group', id: 'g.1' } }, '/fhir/Group/g.1/$export'],
    [
      { level: { kind: 'patients' }, types: ['Patient', 'Observation'] },
      '/fhir/Patient/$export?_type=Patient%2CObservation',
    ],
    [
      { typeFilters: ['Patient?gender=male&active=true', 'Observation?code=a,b'] },
      '/fhir/$export?_typeFilter=Patient%3Fgender%3Dmale%26active%3Dtrue&_typeFilter=Observation%3Fcode%3Da%2Cb',
    ],
  ] as const)('of %j is asked for as the specification has it', async (request, path) => {
    const server = await serving();

    await world.pull(server, { request });

    expect(server.kickOffs.map(({ pathname, search }) => pathname + search)).toEqual([path]);
  });

  it('takes compressed files as they come and stores them as they are', async () => {
    const summary = await world.pull(await serving({ gzip: true }));

    expect(world.read(summary, 'Patient.001.ndjson')).toBe(FILES.one.content);
  });

  it('follows the pages of a manifest', async () => {
    const server = await serving({ pageSize: 1 });

    const summary = await world.pull(server);

    expect(summary.resources.get('Patient')).toBe(42);
    expect(existsSync(join(summary.folder, 'manifest-2.json'))).toBe(true);
  });

  it('counts what is no more, and tells what the server could not export', async () => {
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [deletion('a'), deletion('b')] };
    const issue = [
      { severity: 'error', code: 'processing', diagnostics: 'a resource could not be read\u001b[2J' },
      { severity: 'information', code: 'informational', diagnostics: 'so far so good' },
    ];
    const files = {
      ...FILES,
      gone: { kind: 'deleted', type: 'Bundle', content: `${JSON.stringify(bundle)}\n` },
      bad: {
        kind: 'error',
        type: 'OperationOutcome',
        content: `${JSON.stringify({ resourceType: 'OperationOutcome', issue })}\n`,
      },
    } as const;

    const summary = await world.pull(await serving({ files }));

    expect(summary).toMatchObject({
      deleted: 2,
      serverErrorCount: 1,
      serverErrors: ['a resource could not be read [2J'],
      missing: [],
    });
    expect(isComplete(summary)).toBe(false);
    expect(existsSync(join(summary.folder, 'deleted.001.ndjson'))).toBe(true);
  });

  it('of nothing is complete too', async () => {
    const summary = await world.pull(await serving({ files: {} }));

    expect(summary).toMatchObject({ files: 0, missing: [] });
  });
});

describe('what a server refuses', () => {
  it('is told in its words', async () => {
    const server = await serving();

    await expect(world.pull(server, { request: { types: ['Observatio'] } })).rejects.toThrow(
      'The server did not start the export: 400: _type: Observatio is not a type of this server.',
    );
  });

  it('is nothing that could be refused here', async () => {
    const server = await serving();

    await expect(world.pull(server, { request: { types: ['patient'] } })).rejects.toThrow('no resource type');
    expect(server.log).toEqual([]);
  });

  it('while it works ends the export, and the same request does not start another', async () => {
    const server = await serving();
    const refused = { kind: 'status', status: 422, issue: 'this export failed' } as const;
    server.faults.set('status', [refused]);

    await expect(world.pull(server)).rejects.toThrow('422: this export failed');
    await world.pull(server);

    expect(server.kickOffs).toHaveLength(1);
  });
});

describe('exports of what has changed', () => {
  it('begin where the last complete one ended', async () => {
    const server = await serving();
    await world.pull(server, { since: { kind: 'last' } });
    server.transactionTime = '2026-02-02T00:00:00Z';
    const second = await world.pull(server, { since: { kind: 'last' } });
    const third = await world.pull(server, { since: { kind: 'last' } });

    expect(server.kickOffs.map(({ searchParams }) => searchParams.get('_since'))).toEqual([
      null,
      '2026-01-31T08:00:00.000Z',
      '2026-02-02T00:00:00Z',
    ]);
    expect(world.notes[0]).toContain('no export is complete yet');
    expect(second.folder < third.folder).toBe(true);
  });

  it('are not begun for another request than the last one', async () => {
    const server = await serving();
    await world.pull(server);

    const other = world.pull(server, { since: { kind: 'last' }, request: { types: ['Patient'] } });

    await expect(other).rejects.toThrow('was of something else');
  });
});

describe('an unfinished export', () => {
  async function interrupted(server: BulkServer): Promise<void> {
    server.faults.set('two', [{ kind: 'status', status: 403, issue: 'not for you' }]);
    const { missing } = await world.pull(server);
    expect(missing).toEqual([
      { name: 'Patient.002.ndjson', reason: 'could not be fetched: 403: not for you' },
    ]);
  }

  it('is gone on with by the same request, which fetches what is missing', async () => {
    const server = await serving();
    await interrupted(server);
    server.log.length = 0;

    const summary = await world.pull(server);

    expect(summary.resources.get('Patient')).toBe(42);
    expect(server.log.filter((line) => line.includes('/files/'))).toEqual(['GET /files/two 200']);
    expect(server.kickOffs).toHaveLength(1);
  });

  it('is in the way of another request', async () => {
    const server = await serving();
    await interrupted(server);

    const other = world.pull(server, { request: { level: { kind: 'patients' } } });

    await expect(other).rejects.toThrow('holds an unfinished export of something else');
  });

  it('is given up where that is asked for, at the server too', async () => {
    const server = await serving();
    await interrupted(server);

    const summary = await world.pull(server, { again: true, request: { level: { kind: 'patients' } } });

    expect(summary.missing).toEqual([]);
    expect(server.kickOffs).toHaveLength(2);
    expect(server.log.filter((line) => /^DELETE .* 202/.test(line))).toHaveLength(2);
  });

  it('that the server has forgotten says so', async () => {
    const server = await serving();
    await interrupted(server);
    server.faults.set('status', [{ kind: 'status', status: 404, issue: 'who?' }]);

    await expect(world.pull(server)).rejects.toThrow('start it anew with --again');
  });

  it('of which the server now names other files is not mixed with them', async () => {
    const server = await serving();
    await interrupted(server);
    server.files.three = output(patientLines(1));

    await expect(world.pull(server)).rejects.toThrow('names other files');
  });
});

it('lets one process at a time work in a folder', async () => {
  const server = await serving();
  writeFileSync(join(world.out, '.fairway-export.lock'), String(process.ppid));

  await expect(world.pull(server)).rejects.toThrow('Another export is at work');
  expect(server.log).toEqual([]);
});
