/**
 * Opens a tenant's store: checks the file, brings it to this version, and hands out the ports that live in it.
 *
 * Invariant: a file that cannot be served is refused with a StoreError and left as it is.
 */
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { Definitions } from '../../fhir/definitions/definitions.js';
import type { Backend } from '../../ports/backend.js';
import type { Ledger } from '../../ports/ledger.js';
import type { Sealer } from '../../ports/sealer.js';
import { SqliteBackend } from './backend.js';
import { copyStore } from './backup.js';
import { Connection } from './connection.js';
import { sqliteLedger } from './ledger.js';
import { checkVersion, migrate } from './migrations.js';
import type { Indexer } from './moment.js';
import { ReaderPool } from './reader-pool.js';
import { Reindexer } from './reindex.js';
import { makeSealingKey, sqliteSealer } from './sealer.js';
import { BOUNDED, type Limits } from './search/scope.js';
import { StoreError, storeError } from './store-error.js';
import { View } from './view.js';
import { Writer } from './writer.js';

export interface SqliteStoreOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly definitions: Definitions;
  readonly indexer: Indexer;
  /** Writes nothing, not even to bring an older file to this version. */
  readonly readOnly?: boolean;
  /** Memory for bodies of current resources. */
  readonly cacheBytes?: number;
  /** How far a search may look on the main thread; past it a reader process goes on. */
  readonly searchLimits?: Limits;
  /** The file may have so many pages of 8 KiB. */
  readonly pageLimit?: number;
}

export interface SqliteStore {
  readonly backend: Backend;
  readonly sealer: Sealer;
  readonly ledger: Ledger;
  /** A consistent copy while others read and write; the file appears when it is complete. */
  backup(file: string, onProgress: (done: number, total: number) => void): Promise<void>;
  close(): Promise<void>;
}

const CACHE_BYTES = 32 * 1024 * 1024;

export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { file, clock, log, definitions, indexer, pageLimit } = options;
  try {
    const connection = options.readOnly === true ? openForReading(options) : await openForWriting(options);
    const view = new View(connection, options.cacheBytes ?? CACHE_BYTES);
    const { primaryDates } = definitions;
    const settings = { file, primaryDates, ...(pageLimit === undefined ? {} : { pageLimit }) };
    const writer = new Writer(settings, clock, log);
    const readers = new ReaderPool(file, primaryDates);
    const backend = new SqliteBackend({
      view,
      writer,
      readers,
      definitions,
      indexer,
      limits: options.searchLimits ?? BOUNDED,
    });
    return {
      backend,
      sealer: sqliteSealer(connection),
      ledger: sqliteLedger(view, writer),
      backup: (target, onProgress) => copyStore(file, target, onProgress),
      close: () => backend.close(),
    };
  } catch (error) {
    throw storeError(error, file);
  }
}

async function openForWriting({ file, definitions, indexer, log }: SqliteStoreOptions): Promise<Connection> {
  const connection = Connection.open(file, 'control');
  try {
    migrate(connection);
    makeSealingKey(connection);
    await new Reindexer(connection, definitions, indexer, log).run();
    connection.pragma('wal_checkpoint(PASSIVE)');
    connection.pragma('query_only = ON');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function openForReading({ file, definitions, indexer, log }: SqliteStoreOptions): Connection {
  const connection = Connection.open(file, 'reader');
  try {
    checkVersion(connection);
    if (new Reindexer(connection, definitions, indexer, log).isDue) {
      throw new StoreError(
        'failed',
        `The store ${file} was made by other definitions: open it once for writing.`,
      );
    }
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
