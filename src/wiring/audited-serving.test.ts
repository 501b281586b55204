/** The audit of whole processes: servers that are killed, several workers, the commands. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fairway, type ServerProcess, serveProcess } from './testing.js';

let folder: string;
let settings: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-audited-'));
  settings = { FAIRWAY_AUTH: 'open', FAIRWAY_AUDIT: 'on', FAIRWAY_DATA_DIR: join(folder, 'data') };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface ExportedEvent {
  readonly id: string;
  readonly entity: readonly { readonly what?: { readonly reference?: string } }[];
}

async function exported(): Promise<readonly ExportedEvent[]> {
  const file = join(folder, 'audit.ndjson');
  const result = await fairway(['audit', 'export', '--force', file], settings);
  expect(result).toMatchObject({ status: 0, output: expect.stringContaining('AuditEvents') });
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ExportedEvent);
}

/** Each of these tests starts several processes. */
const PATIENCE = 300_000;

/** Ids of patients whose writes were answered until the server was killed. */
async function killedUnderLoad(
  { url, child, end }: ServerProcess,
  enough: number,
): Promise<readonly string[]> {
  const answered: string[] = [];
  const lane = async (name: number): Promise<void> => {
    for (let at = 0; ; at++) {
      const id = `${name}-${at}`;
      const answer = await fetch(`${url}/fhir/Patient/${id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/fhir+json' },
        body: `{"resourceType":"Patient","id":"${id}"}`,
      });
      if (answer.status === 201) answered.push(id);
      if (answered.length === enough) child.kill('SIGKILL');
    }
  };
  await Promise.allSettled([0, 1, 2, 3, 4, 5, 6, 7].map(lane));
  await end;
  return answered;
}

describe('audit', { timeout: PATIENCE }, () => {
  /** Writes to a server of so many workers, kills it, and looks whether the log has what it had answered. */
  async function recordedUntilKilled(workers: string): Promise<number> {
    const server = await serveProcess({ ...settings, FAIRWAY_WORKERS: workers });
    const answered = await killedUnderLoad(server, 100);

    const verified = await fairway(['audit', 'verify'], settings);
    const events = await exported();

    expect(verified).toMatchObject({ status: 0, output: expect.stringContaining('The audit log is whole') });
    const written = new Set(events.flatMap(({ entity }) => entity.map(({ what }) => what?.reference)));
    expect(answered.filter((id) => !written.has(`Patient/${id}`))).toEqual([]);
    expect(answered.length).toBeGreaterThanOrEqual(100);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    return events.length;
  }

  it('has every write that was answered before a kill, of several workers', async () => {
    expect(await recordedUntilKilled('2')).toBeGreaterThanOrEqual(100);
  });

  it('has every write that was answered before a kill, and goes on: repeats no event and loses none', async () => {
    const recorded = await recordedUntilKilled('1');
    const second = await serveProcess(settings);

    let searches = 0;
    let found: { readonly total: number; readonly entry?: readonly object[] };
    do {
      const answer = await fetch(`${second.url}/fhir/AuditEvent?_summary=count`);
      found = (await answer.json()) as typeof found;
      searches += 1;
    } while (found.entry !== undefined); // a warning: on a busy machine some are still being made
    second.child.kill('SIGTERM');
    expect(await second.end).toMatchObject({ status: 0 });
    const verified = await fairway(['audit', 'verify'], settings);

    expect(found.total).toBe(recorded + searches - 1);
    expect(verified).toMatchObject({ status: 0 });
  });

  it('has what was refused before it was an interaction, and where from', async () => {
    const server = await serveProcess(settings);
    await fetch(`${server.url}/fhir/%ff`);
    let entry: { readonly resource: { readonly agent?: readonly object[] } }[];
    do {
      const found = await fetch(`${server.url}/fhir/AuditEvent?outcome=4`);
      ({ entry } = (await found.json()) as { entry: typeof entry });
    } while (entry.some(({ resource }) => resource.agent === undefined)); // a warning, as above
    server.child.kill('SIGTERM');
    await server.end;

    expect(entry.map(({ resource }) => resource.agent?.[0])).toEqual([
      expect.objectContaining({ network: { address: '127.0.0.1', type: '2' } }),
    ]);
  });

  it('is off in open mode unless it is asked for', async () => {
    const server = await serveProcess({ ...settings, FAIRWAY_AUDIT: 'auto' });
    await fetch(`${server.url}/fhir/Patient/1`);
    server.child.kill('SIGTERM');
    await once(server.child, 'exit');

    expect(await exported()).toEqual([]);
  });

  it('says how its commands are used, and what is wrong with what they are given', async () => {
    const help = await fairway(['audit', 'verify', '--help']);
    const wrong = await fairway(['audit', 'export', '--since', 'yesterday', join(folder, 'x')], settings);
    const missing = await fairway(['audit', 'verify'], { FAIRWAY_DATA_DIR: join(folder, 'nowhere') });

    expect(help).toMatchObject({ status: 0, output: expect.stringContaining('--checkpoint') });
    expect(wrong).toMatchObject({ status: 2, errors: expect.stringContaining('2026-01-31') });
    expect(missing.status).toBe(2);
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });
});
