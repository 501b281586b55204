/**
 * A server that is killed while it writes loses nothing that it had answered, and keeps no half of a transaction.
 * Real processes, SIGKILL, the same store opened again. `FAIRWAY_TEST_KILLS` makes more of them.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle } from 'fhir/r4.js';
import { expect, test } from 'vitest';
import { type ServerProcess, startFairway } from '../processes.js';

const ROUNDS = Number(process.env.FAIRWAY_TEST_KILLS ?? 20);
const WRITERS = 16;
/** Answered writes after which the server is killed. */
const ANSWERS_BEFORE_KILL = 60;
const PER_TRANSACTION = 5;

interface Answered {
  /** Paths of resources that an answer promised. */
  readonly resources: string[];
  /** Marks of transactions that were sent, answered or not. */
  readonly sent: string[];
}

const JSON_TYPE = { 'content-type': 'application/fhir+json' };

function transaction(mark: string): string {
  const entry = Array.from({ length: PER_TRANSACTION }, (_, index) => ({
    resource: {
      resourceType: 'Basic',
      code: { text: 'half' },
      identifier: [{ system: 'urn:test:mark', value: mark }, { value: String(index) }],
    },
    request: { method: 'POST', url: 'Basic' },
  }));
  return JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
}

async function writeOne(server: ServerProcess, mark: string, answered: Answered): Promise<void> {
  if (mark.endsWith('0')) {
    answered.sent.push(mark);
    const answer = await fetch(`${server.url}/fhir`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: transaction(mark),
    });
    // A transaction response of our own.
    const body = (await answer.json()) as Bundle;
    const locations = (body.entry ?? []).map(
      (entry) => entry.response?.location ?? 'an entry without a location',
    );
    answered.resources.push(
      ...locations.map((location) => location.replace(/\/_history.*/, '').replace(/^.*\/fhir\//, '')),
    );
    return;
  }
  const body = JSON.stringify({ resourceType: 'Patient', id: mark, active: true });
  const answer = await fetch(`${server.url}/fhir/Patient/${mark}`, {
    method: 'PUT',
    headers: JSON_TYPE,
    body,
  });
  await answer.arrayBuffer();
  if (answer.status === 201) answered.resources.push(`Patient/${mark}`);
}

/** Writes until enough was answered, kills the server, and waits until every writer has seen its connection die. */
async function writeAndKill(server: ServerProcess, round: number, answered: Answered): Promise<void> {
  const goal = answered.resources.length + ANSWERS_BEFORE_KILL;
  let dead = false;
  const writer = async (number: number): Promise<void> => {
    for (let turn = 0; !dead; turn++) {
      const written = await writeOne(server, `r${round}-w${number}-${turn}`, answered).then(
        () => true,
        () => false, // the connection died with the server: what was not answered may be there or not
      );
      if (!written) return;
      if (answered.resources.length >= goal && !dead) {
        dead = true;
        process.kill(server.pid, 'SIGKILL');
      }
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, number) => writer(number)));
  if (server.child.signalCode === null) await once(server.child, 'exit');
}

async function readsBack(server: ServerProcess, answered: Answered): Promise<void> {
  for (const path of answered.resources) {
    const answer = await fetch(`${server.url}/fhir/${path}`);
    await answer.arrayBuffer();
    expect(answer.status, path).toBe(200);
  }
  for (const mark of answered.sent) {
    const answer = await fetch(`${server.url}/fhir/Basic?identifier=urn:test:mark|${mark}&_summary=count`);
    const { total } = (await answer.json()) as Bundle; // a searchset
    expect([0, PER_TRANSACTION], mark).toContain(total);
  }
}

test(
  `killed ${ROUNDS} times while it writes, the server has every answered write and no half transaction`,
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'fairway-kill-'));
    let server = await startFairway(dataDir);
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const answered: Answered = { resources: [], sent: [] };
        await writeAndKill(server, round, answered);
        server = await startFairway(dataDir);
        await readsBack(server, answered);
      }
    } finally {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
  ROUNDS * 120_000,
);
