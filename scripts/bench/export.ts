/**
 * An export of a whole store to files, against reading the same rows and writing the same bytes bare; what a job process
 * takes of memory, and what it costs those who read meanwhile.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { openAccess } from '#src/access/open.js';
import { EXPORT_KIND } from '#src/interactions/export/export.js';
import { type ExportSpec, readExportResult, writeSpec } from '#src/interactions/export/export-spec.js';
import { JOB_KINDS } from '#src/jobs/job-kinds.js';
import { JobRunner } from '#src/jobs/job-runner.js';
import type { Fetcher } from '#src/net/fetcher.js';
import { Connection } from '#src/stores/sqlite/connection.js';
import { type ServerProcess, startFairway } from '../processes.js';
import type { Inside } from './inside.js';
import { atLeast, median, milliseconds, quantile, type Row, rate } from './measure.js';

const ROUNDS = 3;
const SECONDS = 5;
const PART_SIZE = 80_000;
const CHUNK_BYTES = 1024 * 1024;
/** A figure of its own where nothing is compared. */
const RESOURCES_PER_SECOND = 40_000;
const LATENCY_BAR = 3;
const MIB = 1024 * 1024;
const MEMORY_BAR_MIB = 300;
const HOUR = 3_600_000;
/** An export fetches nothing. */
const NO_FILES = { fileLimit: 0, fileTimeLimit: 0, lineLimit: 0 };
const noFetcher: Fetcher = { fetch: () => Promise.reject(new Error('an export fetches nothing')) };

export async function exportRows(inside: Inside, dataDir: string): Promise<readonly Row[]> {
  const [ours, pairs, floor] = [[] as number[], [] as number[], [] as number[]];
  let count = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const exported = await exportOnce(inside);
    const bare = bareSeconds(join(dataDir, 'fairway.db'), join(dataDir, 'bare'));
    count = exported.count;
    ours.push(exported.count / exported.seconds);
    floor.push(exported.count / bare);
    pairs.push(bare / exported.seconds);
  }
  const server = await startFairway(dataDir);
  const beside = await besideReads(server);
  await server.stop();
  return [
    {
      ...atLeast(
        `export of ${rate(count)} resources to files, durable: resources per second of one process`,
        median(pairs),
        0.5,
        rate(median(ours)),
        `reading the rows and writing the bytes bare, ${rate(median(floor))}`,
      ),
      bar: {
        text: `≥ 0.5 and ≥ ${rate(RESOURCES_PER_SECOND)}/s`,
        met: median(pairs) >= 0.5 && median(ours) >= RESOURCES_PER_SECOND,
      },
    },
    {
      measure: 'reads by id while a job process exports without pause, 99th percentile',
      value: `${milliseconds(beside.during)} (${(beside.during / beside.idle).toFixed(2)})`,
      against: `the same without it, ${milliseconds(beside.idle)}`,
      bar: { text: `≤ ${LATENCY_BAR} ×`, met: beside.during <= LATENCY_BAR * beside.idle },
    },
    {
      measure: `most resident memory of the job process, over ${beside.exports} exports`,
      value: `${Math.round(beside.memory / MIB)} MB`,
      against: '–',
      bar: { text: `< ${MEMORY_BAR_MIB} MB`, met: beside.memory < MEMORY_BAR_MIB * MIB },
    },
  ];
}

async function exportOnce({
  parts,
  store,
}: Inside): Promise<{ readonly count: number; readonly seconds: number }> {
  const { jobs, newId } = parts;
  const spec: ExportSpec = {
    level: { kind: 'system' },
    request: 'bench',
    baseUrl: parts.baseUrl,
    types: [...parts.knowledge.definitions.resourceTypes.keys()],
    filters: {},
    associated: false,
    access: openAccess('benchmark').search,
    notes: [],
  };
  const id = newId();
  const started = performance.now();
  const first = { spec: writeSpec({ step: 'plan' }), total: 0 };
  await jobs.store.add({
    id,
    kind: EXPORT_KIND,
    principal: 'bench',
    spec: writeSpec(spec),
    first,
    limit: 1000,
  });
  const settings = { lease: HOUR, kept: HOUR, partSize: PART_SIZE, ...NO_FILES };
  const runner = new JobRunner({ parts, kinds: JOB_KINDS, fetcher: noFetcher, settings });
  while (await runner.step());
  const seconds = (performance.now() - started) / 1000;
  const results = (await store.jobs.results(id)).flatMap((result) => readExportResult(result).files);
  await store.jobs.cancel(id);
  await runner.tidy();
  return { count: results.reduce((sum, file) => sum + file.count, 0), seconds };
}

/** No history, no ranges, no lines counted: a floor. */
function bareSeconds(file: string, folder: string): number {
  mkdirSync(folder, { recursive: true });
  const connection = Connection.open(file, 'reader');
  const started = performance.now();
  const target = openSync(join(folder, 'all'), 'w');
  const rows = connection.prepare(
    'SELECT v.bytes FROM version v JOIN resource r ON r.position = v.position AND r.rid = v.rid ORDER BY v.position',
  );
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  for (const [bytes] of rows.iterate<[Buffer | null]>()) {
    if (bytes === null) continue;
    if (filled + bytes.length + 1 > CHUNK_BYTES) {
      writeSync(target, chunk, 0, filled);
      filled = 0;
    }
    if (bytes.length + 1 > CHUNK_BYTES) writeSync(target, bytes);
    else filled += bytes.copy(chunk, filled);
    filled += chunk.write('\n', filled);
  }
  writeSync(target, chunk, 0, filled);
  fsyncSync(target);
  closeSync(target);
  const seconds = (performance.now() - started) / 1000;
  connection.close();
  rmSync(folder, { recursive: true });
  return seconds;
}

interface Beside {
  readonly idle: number;
  readonly during: number;
  readonly memory: number;
  readonly exports: number;
}

async function besideReads(server: ServerProcess): Promise<Beside> {
  const page = await fetch(`${server.url}/fhir/Patient?_count=100`);
  const { entry = [] } = (await page.json()) as { entry?: { fullUrl: string }[] };
  const paths = entry.map(({ fullUrl }) => new URL(fullUrl).pathname);
  await latencies(server, paths, SECONDS); // warm
  const idle = quantile(await latencies(server, paths, SECONDS), 0.99);
  let isOver = false;
  let exports = 0;
  let memory = 0;
  const exporting = (async () => {
    while (!isOver) {
      await exportOver(server, () => {
        memory = Math.max(memory, jobMemory(server.pid));
        return isOver;
      });
      exports += 1;
    }
  })();
  const during = quantile(await latencies(server, paths, 2 * SECONDS), 0.99);
  isOver = true;
  await exporting;
  return { idle, during, memory, exports };
}

async function latencies(
  server: ServerProcess,
  paths: readonly string[],
  seconds: number,
): Promise<number[]> {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  for (let at = 0; performance.now() < until; at++) {
    const started = performance.now();
    await (await fetch(server.url + (paths[at % paths.length] ?? ''))).arrayBuffer();
    times.push(performance.now() - started);
  }
  return times;
}

async function exportOver(server: ServerProcess, look: () => boolean): Promise<void> {
  const headers = { prefer: 'respond-async', accept: 'application/fhir+json' };
  const begun = await fetch(`${server.url}/fhir/$export`, { headers });
  await begun.arrayBuffer();
  const status = server.url + new URL(begun.headers.get('content-location') ?? '').pathname;
  for (;;) {
    const answer = await fetch(status);
    await answer.arrayBuffer();
    if (answer.status === 200 || look()) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await (await fetch(status, { method: 'DELETE' })).arrayBuffer();
}

/** Resident bytes of the server's job process; 0 where there is none. */
function jobMemory(server: number): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      if (!status.includes(`PPid:\t${server}\n`)) continue;
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('run-jobs')) continue;
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    } catch (error) {
      // Processes end while they are looked at.
      if (!(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')))
        throw error;
    }
  }
  return 0;
}
