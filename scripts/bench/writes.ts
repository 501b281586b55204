/**
 * Durable writes over HTTP (create, update, transaction) against the same rows put into the bare store with the same
 * concurrency: no HTTP, no parsing, no validation, no extraction of index values.
 */
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import type { ResourceObject } from '#src/fhir/format/json.js';
import { parseJson } from '#src/fhir/format/parse.js';
import type { Context } from '#src/interactions/context.js';
import { prepare } from '#src/interactions/write.js';
import type { PreparedResource, Write } from '#src/ports/backend.js';
import { type ServerProcess, startFairway } from '../processes.js';
import { contextOf, openInside } from './inside.js';
import { atLeast, median, type Row, rate } from './measure.js';
import { load, type Sent } from './requests.js';

const ROUNDS = 3;
const SECONDS = 4;

interface Kind {
  readonly name: string;
  readonly connections: number;
  /** Resources that one request writes. */
  readonly size: number;
  /** What is sent over HTTP, in turn. */
  requests(patients: readonly string[]): readonly Sent[];
  /** The writes that one request comes to. */
  writes(prepared: readonly PreparedResource[], turn: number, context: Context): readonly Write[];
  /** The least that is asked for: ratio to the bare store, and resources per second. */
  readonly bar?: readonly [ratio: number, perSecond: number];
}

const PER_TRANSACTION = 100;

const KINDS: readonly Kind[] = [
  {
    name: 'create, 64 connections',
    connections: 64,
    size: 1,
    requests: (patients) => patients.map((body) => ({ method: 'POST', path: '/fhir/Patient', body })),
    writes: (prepared, turn, context) => [put(at(prepared, turn), context.newId(), 'POST')],
    bar: [0.5, 800],
  },
  {
    name: 'update, 64 connections',
    connections: 64,
    size: 1,
    requests: (patients) =>
      patients.map((body) => ({ method: 'PUT', path: `/fhir/Patient/${idOf(body)}`, body })),
    writes: (prepared, turn) => [put(at(prepared, turn), `p-${turn % prepared.length}`, 'PUT')],
  },
  {
    name: `transaction of ${PER_TRANSACTION} creates, 4 connections`,
    connections: 4,
    size: PER_TRANSACTION,
    requests: (patients) => [{ method: 'POST', path: '/fhir', body: transactionOf(patients) }],
    writes: (prepared, turn, context) =>
      Array.from({ length: PER_TRANSACTION }, (_, index) =>
        put(at(prepared, turn + index), context.newId(), 'POST'),
      ),
  },
];

function at(prepared: readonly PreparedResource[], turn: number): PreparedResource {
  const resource = prepared[turn % prepared.length];
  if (resource === undefined) throw new Error('no resource was prepared');
  return resource;
}

function put(resource: PreparedResource, id: string, method: 'POST' | 'PUT'): Write {
  return { kind: 'put', type: 'Patient', id, resource, expected: { kind: 'any' }, method };
}

function idOf(body: string): string {
  return /"id":"([^"]+)"/.exec(body)?.[1] ?? '';
}

function transactionOf(patients: readonly string[]): string {
  const entries = Array.from(
    { length: PER_TRANSACTION },
    (_, index) =>
      `{"resource":${patients[index % patients.length]},"request":{"method":"POST","url":"Patient"}}`,
  );
  return `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`;
}

/** What the disk gives: one 8 KB write and fdatasync after the other. */
function syncsPerSecond(file: string): number {
  const handle = openSync(file, 'w');
  const block = Buffer.alloc(8192, 1);
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < 1000) {
    writeSync(handle, block);
    fdatasyncSync(handle);
    count++;
  }
  return count;
}

/** Resources per second. */
async function bareRate(file: string, kind: Kind, patients: readonly string[]): Promise<number> {
  const inside = await openInside(file);
  const context = contextOf(inside.parts);
  // Our own generator's patients: each parses to an object with a resourceType.
  const resources = patients.map((text) => parseJson(text) as ResourceObject);
  const prepared = resources.map((resource) => prepare(resource, 'prepared', context));
  let [turns, done] = [0, 0];
  const started = performance.now();
  const one = async (): Promise<void> => {
    while (performance.now() - started < SECONDS * 1000) {
      const writes = kind.writes(prepared, turns++, context);
      const commit = { access: context.access, writes, conditions: [], resolvedAt: 0 };
      await inside.store.backend.commit(commit);
      done += writes.length;
    }
  };
  await Promise.all(Array.from({ length: kind.connections }, one));
  const perSecond = done / ((performance.now() - started) / 1000);
  await inside.store.close();
  return perSecond;
}

async function httpRate(server: ServerProcess, kind: Kind, patients: readonly string[]): Promise<number> {
  const requests = kind.requests(patients);
  await load(server, { seconds: 1, connections: kind.connections, requests });
  const result = await load(server, { seconds: SECONDS, connections: kind.connections, requests });
  if (result.failed > 0) throw new Error(`${result.failed} requests failed: ${kind.name}`);
  return result.perSecond * kind.size;
}

async function kindRow(dataDir: string, kind: Kind, patients: readonly string[]): Promise<Row> {
  const [ours, floor, pairs, syncs]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const folder = `${dataDir}/writes-${kind.connections}-${kind.size}-${round}`;
    syncs.push(syncsPerSecond(`${dataDir}/sync`));
    const server = await startFairway(folder);
    const http = await httpRate(server, kind, patients);
    await server.stop();
    const bare = await bareRate(`${folder}/bare.db`, kind, patients);
    ours.push(http);
    floor.push(bare);
    pairs.push(http / bare);
  }
  const [ratio, perSecond] = kind.bar ?? [0, 0];
  const row = atLeast(
    `${kind.name}, durable, validated, indexed: resources per second`,
    median(pairs),
    ratio,
    rate(median(ours)),
    `bare store, ${rate(median(floor))}; the disk did ${rate(median(syncs))} fdatasync/s`,
  );
  const met = median(pairs) >= ratio && median(ours) >= perSecond;
  const { bar: _bar, ...unbarred } = row;
  return kind.bar === undefined
    ? unbarred
    : { ...row, bar: { text: `≥ ${ratio} and ≥ ${perSecond}/s`, met } };
}

export async function writeRows(dataDir: string, patients: readonly string[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const kind of KINDS) rows.push(await kindRow(dataDir, kind, patients));
  return rows;
}
