/**
 * What can be wrong with a store's file, each with the way out. Thrown when a store is opened, backed up or restored;
 * while it serves, trouble of the same kinds is a Refusal.
 * https://www.sqlite.org/rescode.html
 *
 * Invariant: after any of these the file holds what it held before.
 */
export type StoreErrorKind =
  | 'not-a-database'
  | 'another-application'
  | 'newer'
  | 'corrupt'
  | 'locked'
  | 'unwritable'
  | 'missing'
  | 'full'
  | 'in-use'
  | 'failed';

export class StoreError extends Error {
  override readonly name = 'StoreError';

  constructor(
    readonly kind: StoreErrorKind,
    text: string,
    options?: { readonly cause?: unknown },
  ) {
    super(text, options);
  }
}

/** The engine's result code (`SQLITE_BUSY_SNAPSHOT` …) by its first two words. */
const BY_CODE: Readonly<Record<string, readonly [kind: StoreErrorKind, wayOut: string]>> = {
  SQLITE_NOTADB: ['not-a-database', 'is not a database: name another file, or restore a backup'],
  SQLITE_CORRUPT: ['corrupt', 'is damaged: restore a backup (`fairway restore`); the file was left as it is'],
  SQLITE_BUSY: ['locked', 'is locked by another process: stop that process, or try again'],
  SQLITE_LOCKED: ['locked', 'is locked: try again'],
  SQLITE_CANTOPEN: [
    'unwritable',
    'cannot be opened: check that its folder exists and that this user may write there',
  ],
  SQLITE_READONLY: ['unwritable', 'cannot be written: check the permissions of the file and of its folder'],
  SQLITE_PERM: ['unwritable', 'may not be opened by this user: check the permissions'],
  SQLITE_FULL: ['full', 'cannot grow: the disk is full; free some space'],
  SQLITE_IOERR: ['failed', 'cannot be read or written: check the disk'],
};

/** The engine's own error as a StoreError that names the file; other errors pass as they are. */
export function storeError(error: unknown, file: string): unknown {
  const code = engineCode(error);
  if (code === undefined) return error;
  const [kind, wayOut] = BY_CODE[code] ?? (['failed', `gave the error ${code}`] as const);
  return new StoreError(kind, `The store ${file} ${wayOut}.`, { cause: error });
}

/** `SQLITE_BUSY` of `SQLITE_BUSY_RECOVERY`; undefined where the error is not the engine's. */
export function engineCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^SQLITE_[A-Z]+/.exec(error.code)?.[0];
}
