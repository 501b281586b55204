import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../http/self-signed.testing.js';
import { fairway, type ServerProcess, serveProcess, until } from './testing.js';

const PATIENT = '{"resourceType":"Patient"}';

let dataDir: string;
let running: ServerProcess | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'fairway-serving-'));
});

afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.end;
  running = undefined;
  rmSync(dataDir, { recursive: true, force: true });
});

async function serve(settings: Record<string, string> = {}): Promise<ServerProcess> {
  running = await serveProcess({
    FAIRWAY_DATA_DIR: dataDir,
    // A busy machine may take its time to end what is in flight, and the status tells of that.
    FAIRWAY_SHUTDOWN_TIME_LIMIT: '120000',
    ...settings,
  });
  return running;
}

async function create(server: ServerProcess): Promise<string> {
  const answer = await fetch(`${server.url}/fhir/Patient`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: PATIENT,
  });
  await answer.arrayBuffer();
  return answer.headers.get('location')?.replace(/\/_history.*/, '') ?? '';
}

async function total(server: ServerProcess, search: string): Promise<number> {
  const answer = await fetch(`${server.url}/fhir/${search}`);
  return ((await answer.json()) as { total: number }).total; // a searchset
}

/** Processes whose parent is this one. */
function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false; // no such process
  }
}

describe('serve', () => {
  it('stops on SIGTERM with status 0, and has what it stored when it starts again', async () => {
    const first = await serve();
    const location = await create(first);
    first.child.kill('SIGTERM');
    const { status, output } = await first.end;

    const again = await serve();
    const answer = await fetch(`${again.url}${new URL(location).pathname}`);

    expect(status).toBe(0);
    expect(
      output
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg)
        // On a busy machine.
        .filter((said) => said !== 'slow request'),
    ).toEqual(['listening', 'stopped']);
    expect(answer.status).toBe(200);
  });

  it('logs every request at level debug, and nothing of its content', async () => {
    const server = await serve({ FAIRWAY_LOG_LEVEL: 'debug' });
    await fetch(`${server.url}/fhir/Patient/somebody?name=somebody`);
    server.child.kill('SIGINT');
    const { output } = await server.end;

    expect(output).toMatch(
      /"method":"GET","interaction":"read","status":404,"milliseconds":[\d.]+,"bytes":\d+/,
    );
    expect(output).not.toContain('somebody');
  });

  it('loads the demo population into an empty store, once', async () => {
    const first = await serve({ FAIRWAY_DEMO: 'on' });
    await until(async () => (await (await fetch(`${first.url}/readyz`)).text()).includes('loaded'));
    const patients = await total(first, 'Patient?_summary=count');
    first.child.kill('SIGTERM');
    await first.end;

    const again = await serve({ FAIRWAY_DEMO: 'on' });

    expect(patients).toBe(30);
    expect(await (await fetch(`${again.url}/readyz`)).text()).toContain('not needed');
    expect(await total(again, 'Patient?_summary=count')).toBe(30);
  });

  it('speaks https with a certificate', async () => {
    const { cert, key } = selfSigned();
    writeFileSync(join(dataDir, 'cert.pem'), cert);
    writeFileSync(join(dataDir, 'key.pem'), key);
    const server = await serve({
      FAIRWAY_TLS_CERT: join(dataDir, 'cert.pem'),
      FAIRWAY_TLS_KEY: join(dataDir, 'key.pem'),
    });

    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: 'localhost', port: server.port, path: '/', ca: cert, family: 4 }, resolve).on(
        'error',
        reject,
      );
    });
    answer.resume();

    expect(answer.statusCode).toBe(200);
    expect(answer.headers['strict-transport-security']).toContain('max-age');
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'to others than this machine without the URL that they use',
      { FAIRWAY_HOST: '0.0.0.0' },
      /FAIRWAY_PUBLIC_URL is missing/,
    ],
    ['openly on all addresses', { FAIRWAY_AUTH: 'open', FAIRWAY_HOST: '0.0.0.0' }, /loopback/],
    ['with a setting that is wrong', { FAIRWAY_AUTH: 'open', FAIRWAY_PORT: '70000' }, /FAIRWAY_PORT must be/],
    [
      'with a certificate that is not there',
      { FAIRWAY_AUTH: 'open', FAIRWAY_TLS_CERT: '/nowhere.pem', FAIRWAY_TLS_KEY: '/nowhere.pem' },
      /\/nowhere\.pem cannot be read .*FAIRWAY_TLS_CERT/,
    ],
    [
      'with a configuration that is not there',
      { FAIRWAY_CONFIG: '/nowhere.json' },
      /\/nowhere\.json cannot be read/,
    ],
  ])('refuses to start %s', async (_case, settings, text) => {
    const { status, errors, output } = await fairway(['serve'], { FAIRWAY_DATA_DIR: dataDir, ...settings });

    expect(status).toBe(2);
    expect(errors).toMatch(text);
    expect(errors).not.toMatch(/^\s+at /m);
    expect(output).toBe('');
  });

  it.each(['1', '2'])('says so where the port is taken, with %s workers', async (workers) => {
    const other = createServer().listen(0, '127.0.0.1');
    await until(async () => other.listening);
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : undefined;

    const { status, errors } = await fairway(['serve'], {
      FAIRWAY_AUTH: 'open',
      FAIRWAY_DATA_DIR: dataDir,
      FAIRWAY_PORT: String(port),
      FAIRWAY_WORKERS: workers,
    });
    other.close();

    expect(status).not.toBe(0);
    expect(errors).toMatch(/^(fairway: .*in use.*\n)+$/);
  });
});

describe('several workers', () => {
  it('serve one store, add up their metrics, and stop together', async () => {
    const server = await serve({ FAIRWAY_WORKERS: '2' });
    const location = await create(server);
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const answer = await fetch(server.url + new URL(location).pathname, {
          headers: { connection: 'close' },
        });
        await answer.arrayBuffer();
        return answer.status;
      }),
    );
    // A worker that is late is done without: on a busy machine the first scrapes may be.
    let metrics = '';
    await until(async () => {
      metrics = await (await fetch(`${server.url}/metrics`)).text();
      return metrics.includes('interaction="read",status="2xx"} 20');
    });
    server.child.kill('SIGTERM');

    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(metrics).toContain(
      'fairway_http_request_duration_seconds_count{interaction="read",status="2xx"} 20',
    );
    expect((await server.end).status).toBe(0);
  });

  it('are replaced when they die, and end when their primary dies', async () => {
    const server = await serve({ FAIRWAY_WORKERS: '2' });
    const [victim = 0] = childrenOf(server.child.pid);
    process.kill(victim, 'SIGKILL');

    await until(async () => {
      const now = childrenOf(server.child.pid);
      return now.length === 2 && !now.includes(victim);
    });
    // The one that died may have been the only one that listened yet.
    await until(async () => (await fetch(`${server.url}/readyz`).catch(() => undefined))?.ok === true);

    expect(await create(server)).toContain('/fhir/Patient/');

    const workers = childrenOf(server.child.pid);
    server.child.kill('SIGKILL');

    await until(async () => !workers.some(isAlive));

    expect(workers).toHaveLength(2);
  });
});
