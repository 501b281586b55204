/**
 * An export whose job processes are killed again and again has the same files as one that nobody disturbed.
 * Real processes, SIGKILL, one store. `FAIRWAY_TEST_KILLS` makes more of them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Connection } from '#src/stores/sqlite/connection.js';
import { type ServerProcess, startFairway } from '../processes.js';

const KILLS = Number(process.env.FAIRWAY_TEST_KILLS ?? 10);
const RESOURCES = 4_000;
/** So many exports wait at once, so that every process has work. */
const AT_ONCE = 4;
const LEASE = 1_000;
const SETTINGS = {
  FAIRWAY_JOB_PROCESSES: '0',
  FAIRWAY_JOB_PART_SIZE: '500',
  FAIRWAY_JOB_LEASE: String(LEASE),
  FAIRWAY_JOBS_PER_CLIENT: '1000',
  FAIRWAY_LOG_LEVEL: 'error',
};

const FILTERS = ['Patient?active:missing=true', 'Basic?code:missing=false'].map(encodeURIComponent).join();

interface Listed {
  readonly type: string;
  readonly url: string;
  readonly count: number;
}

function startJobs(dataDir: string): ChildProcess {
  return spawn(process.execPath, ['dist/bundle/main.js', 'run-jobs'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, FAIRWAY_AUTH: 'open', FAIRWAY_DATA_DIR: dataDir, ...SETTINGS },
  });
}

async function fill({ url }: ServerProcess): Promise<void> {
  const size = 500;
  for (let from = 0; from < RESOURCES; from += size) {
    const entry = Array.from({ length: size }, (_, at) => ({
      resource: {
        resourceType: at % 2 === 0 ? 'Basic' : 'Patient',
        ...(at % 2 === 0 ? { code: { coding: [{ code: `${from + at}` }] } } : {}),
      },
      request: { method: 'POST', url: at % 2 === 0 ? 'Basic' : 'Patient' },
    }));
    const answer = await fetch(`${url}/fhir`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', prefer: 'return=minimal' },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
    });
    await answer.arrayBuffer();
    expect(answer.status).toBe(200);
  }
}

async function begin({ url }: ServerProcess): Promise<string> {
  const headers = { prefer: 'respond-async', accept: 'application/fhir+json' };
  // Everything is judged and cut, so that a part takes a while.
  const answer = await fetch(`${url}/fhir/$export?_typeFilter=${FILTERS}&_elements=code`, { headers });
  return new URL(answer.headers.get('content-location') ?? '').pathname;
}

/** Undefined while it is in progress. */
async function manifest({ url }: ServerProcess, path: string): Promise<readonly Listed[] | undefined> {
  const answer = await fetch(`${url}${path}`);
  if (answer.status === 202) return undefined;
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { output: Listed[] }).output; // our own manifest
}

/** What is in the files: type, lines and content of each, in order. */
async function contents({ url }: ServerProcess, files: readonly Listed[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const file of files) {
    const answer = await fetch(`${url}${new URL(file.url).pathname}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.toString().trimEnd().split('\n')).toHaveLength(file.count);
    found.push(`${file.type} ${file.count} ${createHash('sha256').update(bytes).digest('hex')}`);
  }
  return found;
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function complete(server: ServerProcess, path: string): Promise<readonly Listed[]> {
  for (;;) {
    const files = await manifest(server, path);
    if (files !== undefined) return files;
    await pause(50);
  }
}

/** Leases that hold: each process has one while it is at a part. */
function partsInWork(connection: Connection): number {
  const sql = 'SELECT count(*) FROM job_part WHERE state = 1 AND lease_until > ?';
  return connection.get<[number]>(sql, Date.now())?.[0] ?? 0;
}

test(
  `exports are whole and the same though a process is killed in the midst of a part ${KILLS} times`,
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'fairway-export-kill-'));
    const server = await startFairway(dataDir, SETTINGS);
    const running: ChildProcess[] = [];
    const start = (): number => running.push(startJobs(dataDir));
    const connection = Connection.open(join(dataDir, 'fairway.db'), 'reader');
    try {
      await fill(server);
      start();
      const undisturbed = await contents(server, await complete(server, await begin(server)));
      start();
      const paths: string[] = [];
      for (let kills = 0; kills < KILLS; ) {
        const last = paths.at(-1);
        if (last === undefined || (await manifest(server, last)) !== undefined)
          for (let more = 0; more < AT_ONCE; more++) paths.push(await begin(server));
        if (partsInWork(connection) < 2) {
          await pause(5);
          continue;
        }
        const victim = running.shift();
        victim?.kill('SIGKILL');
        if (victim !== undefined) await once(victim, 'exit');
        kills += 1;
        start();
        await pause(LEASE); // the lease of the dead holds no more
      }

      for (const path of paths) {
        const files = await complete(server, path);
        expect(files.reduce((sum, { count }) => sum + count, 0)).toBe(RESOURCES);
        expect(await contents(server, files)).toEqual(undisturbed);
      }
    } finally {
      for (const child of running) child.kill('SIGKILL');
      connection.close();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
  300_000 + KILLS * 120_000,
);
