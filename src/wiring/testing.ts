/** For tests of whole processes: the built program, run as a user runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { get as getSecurely } from 'node:https';
import { freePort } from '../http/free-port.js';

export interface Finished {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** The settings of this environment must not reach the program under test. */
function environment(settings: Readonly<Record<string, string>>): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('FAIRWAY_'));
  return { ...Object.fromEntries(own), ...settings };
}

function start(words: readonly string[], settings: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ['dist/bundle/main.js', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(settings),
  });
}

async function finished(child: ChildProcess): Promise<Finished> {
  const written = { output: '', errors: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    written.output += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    written.errors += chunk.toString();
  });
  await once(child, 'close');
  return { status: child.exitCode, ...written };
}

export function fairway(
  words: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return finished(start(words, settings));
}

/** As `fairway … | head -0` does: whoever was to read has gone. */
export function fairwayUnread(words: readonly string[]): Promise<Finished> {
  const child = start(words, {});
  child.stdout?.destroy();
  return finished(child);
}

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** Resolves when the process has ended. */
  readonly end: Promise<Finished>;
}

/** Resolves when the server is ready. */
export async function serveProcess(settings: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const port = await freePort('127.0.0.1');
  const child = start(['serve'], { FAIRWAY_AUTH: 'open', ...settings, FAIRWAY_PORT: String(port) });
  const end = finished(child);
  const url = `${settings.FAIRWAY_TLS_CERT === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`the server ended: ${(await end).errors}`);
    return answersOn(port, settings.FAIRWAY_TLS_CERT);
  });
  return { url, port, child, end };
}

/** Asks again and again, with a short pause, until it is so. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

/** `certificate`: of a server that speaks https, a file. */
function answersOn(port: number, certificate: string | undefined): Promise<boolean> {
  const options = { host: '127.0.0.1', port, path: '/readyz', servername: 'localhost', agent: false };
  return new Promise((resolve) => {
    const heard = (answer: IncomingMessage): void => {
      answer.resume();
      resolve(answer.statusCode === 200);
    };
    const sent =
      certificate === undefined
        ? get(options, heard)
        : getSecurely({ ...options, ca: readFileSync(certificate) }, heard);
    sent.on('error', () => resolve(false));
  });
}

/** The processes that work on a server's jobs: children of the one that was started. Told by Linux alone (/proc). */
export const TELLS_CHILDREN = process.platform === 'linux';

export function jobProcesses(pid: number): readonly number[] {
  const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const children = listed === '' ? [] : listed.split(' ').map(Number);
  return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('run-jobs'));
}
