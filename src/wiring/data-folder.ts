/**
 * A folder that a setting names, made where it is missing: that of the store, that of the files of jobs.
 *
 * Invariant: made one level at a time, for a recursive mkdir below /proc and its like never returns on Node 20.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export function makeFolder(folder: string, setting = 'FAIRWAY_DATA_DIR'): void {
  const path = resolve(folder);
  try {
    make(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new Error(`The folder ${path} cannot be made (${code}): set ${setting} to another one.`);
  }
}

function make(path: string): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return;
    throw Object.assign(new Error('a file stands in the way'), { code: 'ENOTDIR' });
  }
  make(dirname(path));
  mkdirSync(path);
}
