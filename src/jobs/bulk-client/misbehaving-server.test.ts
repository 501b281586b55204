/** Exports from servers and networks that break off, lie, and ask for patience. */
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askedWait } from './patience.js';
import {
  type BulkOptions,
  type BulkServer,
  type Fault,
  patientLines,
  pullWorld,
  serveBulk,
} from './testing.js';

let world: ReturnType<typeof pullWorld>;
const servers: BulkServer[] = [];
const others: Server[] = [];
beforeEach(() => {
  world = pullWorld();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  for (const other of others.splice(0)) other.close();
  world.end();
});

const CONTENT = patientLines(200);
const file = (content: string, count?: number) =>
  ({ kind: 'output', type: 'Patient', content, ...(count === undefined ? {} : { count }) }) as const;

async function serving(options: Partial<BulkOptions> = {}): Promise<BulkServer> {
  const server = await serveBulk({ clock: world.clock, files: { one: file(CONTENT) }, ...options });
  servers.push(server);
  return server;
}

const fetches = ({ log }: BulkServer) => log.filter((line) => line.includes('/files/'));
const cut: Fault = { kind: 'cut', after: 300, seen: () => world.partSize() >= 300 };
const cutAgain: Fault = { kind: 'cut', after: 30, seen: () => world.partSize() >= 330 };

describe('a file that breaks off', () => {
  it.each([
    ['as it is', { gzip: false }],
    ['compressed', { gzip: true }],
  ])('is gone on with where it ended, %s', async (_, options) => {
    const server = await serving(options);
    server.faults.set('one', [cut, cutAgain]);

    const summary = await world.pull(server);

    expect(fetches(server)).toEqual(['GET /files/one 200', 'GET /files/one 206', 'GET /files/one 206']);
    expect(world.read(summary, 'Patient.001.ndjson')).toBe(CONTENT);
  });

  it('starts over where the server has no validators', async () => {
    const server = await serving({ etags: false });
    server.faults.set('one', [cut]);

    const summary = await world.pull(server);

    expect(fetches(server)).toEqual(['GET /files/one 200', 'GET /files/one 200']);
    expect(world.read(summary, 'Patient.001.ndjson')).toBe(CONTENT);
  });

  it('starts over where it has become another one', async () => {
    const server = await serving({ files: { one: { ...file(CONTENT), count: null } } });
    const changed = patientLines(210, 1000);
    server.faults.set('one', [cut, { kind: 'change', content: changed }]);

    const summary = await world.pull(server);

    expect(world.read(summary, 'Patient.001.ndjson')).toBe(changed);
  });

  it('that never gets further is missing, and the others are in', async () => {
    const server = await serving({ files: { one: file(CONTENT), two: file(patientLines(3)) }, etags: false });
    server.faults.set('one', Array(20).fill({ kind: 'cut', after: 0 }));

    const { missing, resources } = await world.pull(server);

    expect(missing).toMatchObject([
      { name: 'Patient.001.ndjson', reason: expect.stringContaining('broke off') },
    ]);
    expect(resources.get('Patient')).toBe(3);
    expect(fetches(server).length).toBeLessThan(12);
    expect(server.log.some((line) => line.startsWith('DELETE'))).toBe(false);
  });
});

describe('a file that is not what it should be', () => {
  it.each([
    ['fewer lines than the server said', CONTENT, 201, 'holds 200 resources, and the server said 201'],
    [
      'another type',
      `${CONTENT}{"resourceType":"Observation"}\n`,
      201,
      'line 201 holds another type than Patient',
    ],
    ['half a line', CONTENT.slice(0, -9), 200, 'line 200 is not JSON'],
    ['no resource', `${CONTENT}[]\n`, 201, 'line 201 is no resource'],
    ['a page of HTML', '<html>Please sign in</html>', 1, 'line 1 is not JSON'],
  ])('is fetched twice and never called by its name: %s', async (_, content, count, reason) => {
    const server = await serving({ files: { one: file(content, count) } });

    const { missing, folder } = await world.pull(server);

    expect(missing).toEqual([{ name: 'Patient.001.ndjson', reason: expect.stringContaining(reason) }]);
    expect(fetches(server)).toHaveLength(2);
    expect(existsSync(join(folder, 'Patient.001.ndjson'))).toBe(false);
    expect(existsSync(join(folder, 'Patient.001.ndjson.wrong'))).toBe(true);
  });

  it('keeps its export from being complete: the next one does not begin after it', async () => {
    const server = await serving({ files: { one: file(CONTENT, 201) } });
    await world.pull(server, { since: { kind: 'last' } });

    await world.pull(server, { since: { kind: 'last' }, again: true });

    expect(server.kickOffs.map(({ searchParams }) => searchParams.get('_since'))).toEqual([null, null]);
  });
});

describe('a server that asks for patience', () => {
  it.each(['kick-off', 'status', 'one', 'delete'])('is given it: %s', async (subject) => {
    const server = await serving();
    const date = new Date(world.clock.now() + 3_600_000).toUTCString();
    server.faults.set(subject, [
      { kind: 'status', status: 503, retryAfter: '120' },
      { kind: 'status', status: 429, retryAfter: date },
    ]);

    const { missing } = await world.pull(server);

    expect(missing).toEqual([]);
    expect(world.pauses).toContain(120_000);
    expect(world.pauses.some((pause) => pause > 3_000_000 && pause <= 3_600_000)).toBe(true);
    expect(server.kickOffs).toHaveLength(1);
    expect(server.offences).toEqual([]);
  });

  it('for ever is left, and the same request goes on with its export later', async () => {
    const server = await serving();
    server.faults.set('status', Array(8).fill({ kind: 'status', status: 503 }));

    await expect(world.pull(server)).rejects.toThrow('does not say how far the export is: 503');
    const summary = await world.pull(server);

    expect(summary.missing).toEqual([]);
    expect(server.kickOffs).toHaveLength(1);
  });

  it.each([
    ['0', 1_000],
    ['15', 15_000],
    ['99999999', 3_600_000],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 60_000 - 30_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 1_000],
    ['soon', undefined],
    ['-5', undefined],
    [undefined, undefined],
  ])('with %s is left alone for %s ms', (retryAfter, wait) => {
    expect(askedWait(retryAfter, { now: () => 30_000 })).toBe(wait);
  });
});

describe('a manifest that cannot be', () => {
  it.each([
    ['no JSON', 'Please wait', 'it is no JSON'],
    ['no time', '{"output":[]}', 'it has no transactionTime'],
    ['a name for a path', manifest('{"type":"../../etc","url":"/x"}'), 'output[0] has no type'],
    ['no URL', manifest('{"type":"Patient"}'), 'output[0] has no URL'],
    [
      'a count that is none',
      manifest('{"type":"Patient","url":"/x","count":"many"}'),
      'output[0] has a count',
    ],
    [
      'a page that leads to itself',
      `${manifest('').slice(0, -1)},"link":[{"relation":"next","url":"?"}]}`,
      'do not come to an end',
    ],
  ])('is told: %s', async (_, text, problem) => {
    const server = await fixed(text);

    await expect(world.pull(server)).rejects.toThrow(problem);
  });

  function manifest(entry: string): string {
    return `{"transactionTime":"2026-01-01T00:00:00Z","requiresAccessToken":false,"output":[${entry}]}`;
  }

  /** Accepts everything, and says one thing about it. */
  async function fixed(text: string): Promise<{ base: string }> {
    const other = createServer((request, response) => {
      if (request.url?.includes('$export')) response.writeHead(202, { 'content-location': '/status' }).end();
      else response.end(text);
    });
    others.push(other);
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    return { base: `http://127.0.0.1:${(other.address() as AddressInfo).port}` };
  }
});
