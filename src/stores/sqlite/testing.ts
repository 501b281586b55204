/** Stores in folders of their own, for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../base/log.js';
import type { Backend } from '../../ports/backend.js';
import type { World } from '../../ports/contract-world.js';
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from './store.js';

export function freshFolder(): string {
  return mkdtempSync(join(tmpdir(), 'fairway-store-'));
}

export function openStore(
  file: string,
  world: World,
  more: Partial<SqliteStoreOptions> = {},
): Promise<SqliteStore> {
  return openSqliteStore({ file, log: silentLogger, ...world, ...more });
}

/** An empty store whose folder goes when it is closed. */
export async function emptyBackend(world: World, more: Partial<SqliteStoreOptions> = {}): Promise<Backend> {
  const folder = freshFolder();
  const { backend } = await openStore(join(folder, 'store.db'), world, more);
  const close = backend.close.bind(backend);
  backend.close = async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  };
  return backend;
}
