/** What `fairway doctor` looks at in the machine: Node, folder, disk, port, clock. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Check } from './doctor.js';

const OLDEST_NODE: readonly [major: number, minor: number] = [20, 19];
const LEAST_FREE_BYTES = 1e9;
/** Resources carry the time of their storing: a clock of before this program was written is wrong. */
const EARLIEST_NOW = Date.UTC(2025, 0, 1);

export function nodeCheck(version: string): Check {
  return {
    name: 'Node',
    run: () => {
      const [major = 0, minor = 0] = version.split('.').map(Number);
      const [oldestMajor, oldestMinor] = OLDEST_NODE;
      if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return version;
      throw new Error(
        `${version} is too old: install Node ${OLDEST_NODE.join('.')} or newer (22 or 24 are best).`,
      );
    },
  };
}

/** `make`: makes the folder where it is missing. */
export function folderCheck(folder: string, make: (folder: string) => void): Check {
  return {
    name: 'data folder',
    run: () => {
      make(folder);
      try {
        accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
      } catch (error) {
        throw new Error(
          `${resolve(folder)} cannot be written (${codeOf(error)}): make it this user's, or set FAIRWAY_DATA_DIR.`,
        );
      }
      return resolve(folder);
    },
  };
}

export function diskCheck(folder: string): Check {
  return {
    name: 'free disk',
    run: () => {
      const { bavail, bsize } = statfsSync(nearestExisting(resolve(folder)));
      const free = bavail * bsize;
      if (free >= LEAST_FREE_BYTES) return `${(free / 1e9).toFixed(1)} GB`;
      throw new Error(
        `only ${(free / 1e6).toFixed(0)} MB: free some space, or set FAIRWAY_DATA_DIR to another disk.`,
      );
    },
  };
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

export function portCheck(host: string, port: number): Check {
  return {
    name: 'port',
    run: () =>
      new Promise((resolvePort, reject) => {
        const probe = createServer()
          .once('error', async (error) => {
            const isOurs = codeOf(error) === 'EADDRINUSE' && (await isFairway(host, port));
            if (isOurs) resolvePort(`${host}:${port} is taken by a Fairway that runs`);
            else reject(new Error(portProblem(host, port, codeOf(error))));
          })
          .listen(port, host, () => {
            probe.close(() => resolvePort(port === 0 ? 'any free one' : `${host}:${port} is free`));
          });
      }),
  };
}

/** A machine with much to do lets a server wait. */
const PATIENCE_MILLISECONDS = 10_000;

/** Whoever answers there says that it is one of us. */
async function isFairway(host: string, port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://${host.includes(':') ? `[${host}]` : host}:${port}/healthz`, {
      signal: AbortSignal.timeout(PATIENCE_MILLISECONDS),
    });
    return (await answer.text()).includes('"status":"alive"');
  } catch {
    return false; // what does not answer, or speaks something else, is another program
  }
}

function portProblem(host: string, port: number, code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${host}:${port} is in use by another program: stop that program, or set FAIRWAY_PORT.`;
    case 'EACCES':
      return `${port} may not be opened by this user: set FAIRWAY_PORT to 1024 or more.`;
    default:
      return `${host}:${port} cannot be listened on (${code}): set FAIRWAY_HOST to an address of this machine.`;
  }
}

export function clockCheck(now: () => number): Check {
  return {
    name: 'clock',
    run: () => {
      const time = now();
      const text = new Date(time).toISOString();
      if (time >= EARLIEST_NOW) return text;
      throw new Error(`${text} cannot be: set the machine's clock; stored resources carry its time.`);
    },
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
