/** Concurrent durable creates over HTTP against the same rows put into the bare store with the same concurrency. */
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import type { ResourceObject } from '#src/fhir/format/json.js';
import { parseJson } from '#src/fhir/format/parse.js';
import { prepare } from '#src/interactions/write.js';
import { startFairway } from '../processes.js';
import { contextOf, openInside } from './inside.js';
import { atLeast, median, type Row, rate } from './measure.js';
import { load } from './requests.js';

const ROUNDS = 3;
const SECONDS = 4;
const CONNECTIONS = 64;

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

async function bareRate(file: string, patients: readonly string[]): Promise<number> {
  const inside = await openInside(file);
  const context = contextOf(inside.parts);
  // Our own generator's patients: each parses to an object with a resourceType.
  const resources = patients.map((text) => parseJson(text) as ResourceObject);
  const prepared = resources.map((resource) => prepare(resource, 'prepared', context));
  let done = 0;
  const started = performance.now();
  const one = async (connection: number): Promise<void> => {
    for (let turn = connection; performance.now() - started < SECONDS * 1000; turn += CONNECTIONS) {
      const resource = prepared[turn % prepared.length];
      if (resource === undefined) throw new Error('no resource was prepared');
      await inside.store.backend.commit({
        access: context.access.write,
        writes: [
          {
            kind: 'put',
            type: 'Patient',
            id: context.newId(),
            resource,
            expected: { kind: 'absent' },
            method: 'POST',
          },
        ],
        conditions: [],
        resolvedAt: 0,
      });
      done++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => one(connection)));
  const perSecond = done / ((performance.now() - started) / 1000);
  await inside.store.close();
  return perSecond;
}

export async function createRows(dataDir: string, patients: readonly string[]): Promise<readonly Row[]> {
  const [ours, floor, pairs, syncs]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    syncs.push(syncsPerSecond(`${dataDir}/sync`));
    const server = await startFairway(`${dataDir}/create-${round}`);
    await load(server, '/fhir/Patient', {
      seconds: 1,
      connections: CONNECTIONS,
      method: 'POST',
      bodies: patients,
    });
    const result = await load(server, '/fhir/Patient', {
      seconds: SECONDS,
      connections: CONNECTIONS,
      method: 'POST',
      bodies: patients,
    });
    await server.stop();
    if (result.failed > 0) throw new Error(`${result.failed} creates failed`);
    const bare = await bareRate(`${dataDir}/create-bare-${round}.db`, patients);
    ours.push(result.perSecond);
    floor.push(bare);
    pairs.push(result.perSecond / bare);
  }
  const row = atLeast(
    `create, ${CONNECTIONS} connections, durable, validated, indexed, per second`,
    median(pairs),
    0.5,
    rate(median(ours)),
    `bare store, ${rate(median(floor))}; ${rate(median(syncs))} fdatasync/s`,
  );
  const enough = median(ours) >= 800;
  return [{ ...row, bar: { text: '≥ 0.5 and ≥ 800/s', met: median(pairs) >= 0.5 && enough } }];
}
