/** The processes that are measured: our built server, and the floor it is compared with. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`the server ended with ${child.exitCode} before it answered`);
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What measures or tests may fail halfway: its servers end with it. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function serverProcess(child: ChildProcess, url: string): ServerProcess {
  if (child.pid === undefined) throw new Error('the server did not start');
  running.add(child);
  child.once('exit', () => running.delete(child));
  return {
    pid: child.pid,
    url,
    child,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Our server, open on loopback, without demo data unless the environment says so. */
export async function startFairway(
  dataDir: string,
  environment: Record<string, string> = {},
): Promise<ServerProcess> {
  const port = Number(environment.FAIRWAY_PORT ?? (await freePort()));
  const child = spawn(process.execPath, ['dist/bundle/main.js', 'serve'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      FAIRWAY_AUTH: 'open',
      FAIRWAY_HOST: '127.0.0.1',
      FAIRWAY_PORT: String(port),
      FAIRWAY_DATA_DIR: dataDir,
      FAIRWAY_DEMO: 'off',
      FAIRWAY_LOG_LEVEL: 'error',
      ...environment,
    },
  });
  await answers(`http://127.0.0.1:${port}/readyz`, child);
  return serverProcess(child, `http://127.0.0.1:${port}`);
}

/** Bare node:http that sends the same bytes with the same headers to whoever asks. */
export async function startBare(body: Buffer, headers: Record<string, string>): Promise<ServerProcess> {
  const port = await freePort();
  const code = `
    const body = Buffer.from(process.env.BODY, 'base64');
    const headers = JSON.parse(process.env.HEADERS);
    require('node:http').createServer((request, response) => {
      response.writeHead(200, headers);
      response.end(body);
    }).listen(${port}, '127.0.0.1');`;
  const child = spawn(process.execPath, ['-e', code], {
    stdio: 'inherit',
    env: { ...process.env, BODY: body.toString('base64'), HEADERS: JSON.stringify(headers) },
  });
  await answers(`http://127.0.0.1:${port}/`, child);
  return serverProcess(child, `http://127.0.0.1:${port}`);
}
