/**
 * An export whose job processes are killed again and again has the same files as one that nobody disturbed.
 * Real processes, SIGKILL, one store.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ServerProcess, startFairway } from '../processes.js';

const KILLS = 10;
const RESOURCES = 6_000;
const SETTINGS = {
  FAIRWAY_JOB_PROCESSES: '0',
  FAIRWAY_JOB_PART_SIZE: '150',
  FAIRWAY_JOB_LEASE: '1000',
  FAIRWAY_LOG_LEVEL: 'error',
};

interface Listed {
  readonly type: string;
  readonly url: string;
  readonly count: number;
}

function startJobs(dataDir: string): ChildProcess {
  return spawn(process.execPath, ['dist/main.js', 'run-jobs'], {
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
        ...(at % 2 === 0 ? { code: { text: `${from + at}` } } : {}),
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
  const answer = await fetch(`${url}/fhir/$export`, { headers });
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

test(`an export is whole and the same though its processes are killed ${KILLS} times`, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'fairway-export-kill-'));
  const server = await startFairway(dataDir, SETTINGS);
  const running = new Set<ChildProcess>();
  const start = (): ChildProcess => {
    const child = startJobs(dataDir);
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  };
  try {
    await fill(server);
    const [undisturbed, disturbed] = [await begin(server), await begin(server)];
    let inProgress = 0;
    start();
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = start();
      await pause(700 + 150 * kill);
      if ((await manifest(server, disturbed)) === undefined) inProgress += 1;
      victim.kill('SIGKILL');
      if (victim.signalCode === null && victim.exitCode === null) await once(victim, 'exit');
    }
    const files = await complete(server, disturbed);
    const others = await complete(server, undisturbed);

    expect(inProgress).toBeGreaterThan(0);
    const found = await contents(server, files);
    expect(found).toEqual(await contents(server, others));
    expect(files.reduce((sum, { count }) => sum + count, 0)).toBe(RESOURCES);
  } finally {
    for (const child of running) child.kill('SIGKILL');
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}, 300_000);
