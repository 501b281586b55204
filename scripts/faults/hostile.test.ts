/** Random malformed and hostile requests: each is answered below 500 or its connection closed, in time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startFairway } from '../processes.js';
import { hostileRequest } from './hostile-requests.js';
import { seeded } from './random.js';

const REQUESTS = Number(process.env.FAIRWAY_HOSTILE_REQUESTS ?? 10_000);
const SEED = Number(process.env.FAIRWAY_SEED ?? 20_260);
const AT_ONCE = 16;
/** A request that is complete must be answered within this; one that is not, may be waited for. */
const PATIENCE_MS = 10_000;

/** The status lines that came back until the server closed, or nothing came for too long. */
function send(port: number, bytes: Buffer): Promise<{ statuses: readonly number[]; hung: boolean }> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    const done = (hung: boolean): void => {
      socket.destroy();
      resolve({
        statuses: [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((match) => Number(match[1])),
        hung,
      });
    };
    socket.setTimeout(PATIENCE_MS, () => done(true));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => done(false));
    socket.on('close', () => done(false));
  });
}

test(`${REQUESTS} hostile requests (seed ${SEED}) bring no 5xx, no hang and no crash`, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'fairway-hostile-'));
  const server = await startFairway(dataDir, { FAIRWAY_LOG_LEVEL: 'silent' });
  const port = Number(new URL(server.url).port);
  const random = seeded(SEED);
  const failures: string[] = [];
  let left = REQUESTS;
  const sender = async (): Promise<void> => {
    while (left-- > 0) {
      const bytes = hostileRequest(random, `127.0.0.1:${port}`);
      const { statuses, hung } = await send(port, bytes);
      const bad = statuses.filter((status) => status >= 500 && status !== 501 && status !== 505);
      if (hung || bad.length > 0)
        failures.push(`${hung ? 'hung' : bad.join()}: ${bytes.toString('latin1').slice(0, 400)}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
    expect(failures.slice(0, 10), `${failures.length} of ${REQUESTS}`).toEqual([]);
    expect(server.child.exitCode).toBeNull();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${server.url}/fhir/Patient?_count=1`)).status).toBe(200);
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}, 240_000);
