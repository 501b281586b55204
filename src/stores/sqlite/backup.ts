/**
 * Copies of a store: made while it serves, verified, put in the place of a store that nobody has open.
 * https://www.sqlite.org/backup.html
 *
 * Invariant: a copy has its name only when it is complete; a store is replaced in one step, by a verified copy.
 */
import { constants, copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { Connection } from './connection.js';
import { checkVersion } from './migrations.js';
import { engineCode, StoreError, storeError } from './store-error.js';
import { syncFile } from './sync-file.js';

/** A connection with a read transaction of its own: writers do not make the copy start over. */
export async function copyStore(
  file: string,
  target: string,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const partial = `${target}.partial`;
  const folder = dirname(target);
  if (!existsSync(folder)) {
    throw new StoreError('unwritable', `The folder ${folder} is not there: make it, or name another file.`);
  }
  const connection = Connection.open(file, 'reader');
  try {
    connection.execute('BEGIN');
    connection.get('SELECT count(*) FROM setting');
    await connection.copyTo(partial, onProgress);
    closeLog(partial);
    verifyBackup(partial);
    syncFile(partial);
    renameSync(partial, target);
  } catch (error) {
    rmSync(partial, { force: true });
    throw storeError(error, target);
  } finally {
    connection.close();
  }
}

/** Throws a StoreError that says what is wrong with the file. */
export function verifyBackup(file: string): void {
  if (!existsSync(file)) throw new StoreError('missing', `There is no file ${file}: check its name.`);
  try {
    const connection = Connection.open(file, 'reader');
    try {
      checkVersion(connection);
      if (Number(connection.pragma('user_version')) === 0) {
        throw new StoreError('another-application', `The file ${file} holds no store: check its name.`);
      }
      if (connection.pragma('integrity_check(1)') !== 'ok') throw unusable('corrupt', file);
    } finally {
      connection.close();
    }
  } catch (error) {
    const known = storeError(error, file);
    if (!(known instanceof StoreError) || !(known.kind in OF_A_BACKUP)) throw known;
    throw unusable(known.kind as keyof typeof OF_A_BACKUP, file, known); // it is in the table: looked up just above
  }
}

/** What a backup can be, said in other words than of a store: the way out is another file. */
const OF_A_BACKUP = {
  'not-a-database': 'is no backup: name another file',
  corrupt: 'is damaged: take another backup',
} as const;

function unusable(kind: keyof typeof OF_A_BACKUP, file: string, cause?: unknown): StoreError {
  return new StoreError(kind, `The file ${file} ${OF_A_BACKUP[kind]}.`, { cause });
}

/** Puts a verified copy of a backup in the place of a store that no process has open. */
export function restoreBackup(file: string, target: string): void {
  verifyBackup(file);
  const partial = `${target}.partial`;
  try {
    copyFileSync(file, partial, constants.COPYFILE_FICLONE);
    verifyBackup(partial);
    syncFile(partial);
    if (existsSync(target)) takeOver(target);
    renameSync(partial, target);
  } catch (error) {
    rmSync(partial, { force: true });
    throw storeError(error, target);
  }
}

/** Leaving WAL mode needs the file to itself, and takes the log away. */
function takeOver(target: string): void {
  try {
    closeLog(target);
  } catch (error) {
    const code = engineCode(error);
    if (code === 'SQLITE_BUSY' || (error instanceof StoreError && error.kind === 'locked')) {
      throw new StoreError(
        'in-use',
        `The store ${target} is open in another process: stop the server first.`,
      );
    }
    // What is there cannot be opened as a store: that is why it is replaced. Its log must not join the new file.
    if (!(error instanceof StoreError) && code === undefined) throw error;
    for (const suffix of ['-wal', '-shm']) rmSync(`${target}${suffix}`, { force: true });
  }
}

function closeLog(file: string): void {
  const connection = Connection.open(file, 'control', { mustExist: true });
  try {
    connection.pragma('busy_timeout = 0');
    connection.pragma('journal_mode = DELETE');
  } finally {
    connection.close();
  }
}
