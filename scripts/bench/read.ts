/** Read by id over HTTP against bare node:http with the same bytes, and two workers against one process. */

import { type ServerProcess, startBare, startFairway } from '../processes.js';
import { atLeast, median, type Row, rate } from './measure.js';
import { load } from './requests.js';

const ROUNDS = 5;
const SECONDS = 3;
const CONNECTIONS = 32;
/** Headers that only say when or to whom an answer went. */
const PASSING = new Set(['date', 'connection', 'keep-alive', 'x-request-id', 'content-length']);

async function createPatient(server: ServerProcess, patient: string): Promise<string> {
  const answer = await fetch(`${server.url}/fhir/Patient`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: patient,
  });
  const location = answer.headers.get('location');
  if (answer.status !== 201 || location === null) throw new Error(`create answered ${answer.status}`);
  return new URL(location).pathname.replace(/\/_history\/.*$/, '');
}

async function perCpuSecond(server: ServerProcess, path: string): Promise<number> {
  const requests = [{ method: 'GET', path }] as const;
  const result = await load(server, { seconds: SECONDS, connections: CONNECTIONS, requests });
  if (result.failed > 0) throw new Error(`${result.failed} reads failed`);
  return result.perCpuSecond;
}

export async function readRows(dataDir: string, patient: string): Promise<readonly Row[]> {
  const fairway = await startFairway(`${dataDir}/read`);
  const path = await createPatient(fairway, patient);
  const answer = await fetch(fairway.url + path, { headers: { 'accept-encoding': 'identity' } });
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => !PASSING.has(name)));
  const body = Buffer.from(await answer.arrayBuffer());
  const bare = await startBare(body, { ...headers, 'content-length': String(body.length) });
  const [ours, floor, pairs] = [[] as number[], [] as number[], [] as number[]];
  for (let round = 0; round < ROUNDS; round++) {
    const a = await perCpuSecond(fairway, path);
    const b = await perCpuSecond(bare, '/');
    ours.push(a);
    floor.push(b);
    pairs.push(a / b);
  }
  await bare.stop();
  const workers = await workersRow(fairway, dataDir, patient, path);
  await fairway.stop();
  return [
    atLeast(
      `read by id, ${body.length} bytes, ${CONNECTIONS} connections, requests per CPU-second`,
      median(pairs),
      0.5,
      rate(median(ours)),
      `bare node:http, ${rate(median(floor))}`,
    ),
    workers,
  ];
}

async function workersRow(one: ServerProcess, dataDir: string, patient: string, path: string): Promise<Row> {
  const two = await startFairway(`${dataDir}/read-workers`, { FAIRWAY_WORKERS: '2' });
  const twoPath = await createPatient(two, patient);
  const [single, double, pairs] = [[] as number[], [] as number[], [] as number[]];
  for (let round = 0; round < ROUNDS; round++) {
    const a = await perCpuSecond(two, twoPath);
    const b = await perCpuSecond(one, path);
    double.push(a);
    single.push(b);
    pairs.push(a / b);
  }
  await two.stop();
  return atLeast(
    'the same with 2 workers, requests per server CPU-second',
    median(pairs),
    0.85,
    rate(median(double)),
    `one process, ${rate(median(single))}`,
  );
}
