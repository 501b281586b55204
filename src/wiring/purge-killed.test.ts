/** A purge whose process is killed in its middle: the next one goes on, and nothing is left. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jobProcesses, type ServerProcess, serveProcess, TELLS_CHILDREN, until } from './testing.js';

const PATIENCE = 500_000;
const EACH = 1_000;
const BUNDLES = 4;

let folder: string;
let server: ServerProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-purge-'));
});
afterEach(async () => {
  server?.child.kill('SIGTERM');
  await server?.end;
  rmSync(folder, { recursive: true, force: true });
});

function bundle(number: number): object {
  const entry = Array.from({ length: EACH }, (_, at) => ({
    resource: {
      resourceType: 'Observation',
      id: `${number}-${at}`,
      status: 'final',
      code: { text: 'a' },
      subject: { reference: 'Patient/p' },
    },
    request: { method: 'PUT', url: `Observation/${number}-${at}` },
  }));
  const patient = {
    resource: { resourceType: 'Patient', id: 'p' },
    request: { method: 'PUT', url: 'Patient/p' },
  };
  return { resourceType: 'Bundle', type: 'transaction', entry: [patient, ...entry] };
}

describe.skipIf(!TELLS_CHILDREN)('a purge', { timeout: PATIENCE }, () => {
  it('is whole though its process was killed', async () => {
    server = await serveProcess({
      FAIRWAY_DATA_DIR: folder,
      FAIRWAY_JOB_PROCESSES: '1',
      FAIRWAY_JOB_LEASE: '3000',
    });
    const { url, child } = server;
    const post = (path: string, body?: object): Promise<Response> =>
      fetch(`${url}/fhir/${path}`, {
        method: 'POST',
        headers: { prefer: 'respond-async', 'content-type': 'application/fhir+json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const count = async (): Promise<number> => {
      const answer = await fetch(`${url}/fhir/Observation?_summary=count`);
      return ((await answer.json()) as { total: number }).total;
    };
    for (let number = 0; number < BUNDLES; number++) {
      const answer = await post('', bundle(number));
      expect(answer.status, await answer.text()).toBe(200);
    }
    const accepted = await post('Patient/p/$purge');
    expect(accepted.status, await accepted.text()).toBe(202);

    let left = 0;
    await until(async () => {
      left = await count();
      return left < EACH * BUNDLES;
    });
    const killed = jobProcesses(child.pid ?? 0);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    const status = accepted.headers.get('content-location') ?? '';
    await until(async () => (await fetch(status)).status !== 202);

    expect(killed).toHaveLength(1);
    expect(left).toBeGreaterThan(0);
    expect(await (await fetch(status)).json()).toMatchObject({
      purged: EACH * BUNDLES + 1,
      output: [
        { type: 'Observation', purged: EACH * BUNDLES },
        { type: 'Patient', purged: 1 },
      ],
      error: [],
    });
    expect(await count()).toBe(0);
    expect((await fetch(`${url}/fhir/Patient/p/_history`)).status).toBe(404);
    const history = (await (await fetch(`${url}/fhir/_history`)).json()) as { entry?: object[] };
    expect(history.entry ?? []).toEqual([]);
  });
});
