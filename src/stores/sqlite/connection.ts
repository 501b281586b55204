/**
 * One connection to the database file, with its prepared statements. The only file that knows the driver.
 * https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html
 *
 * Invariant: rows are arrays in the order of the SELECT; a statement is prepared once per connection and text, as long as it is
 * among those used lately, and not again for other values.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError, storeError } from './store-error.js';

export type Cell = number | string | Buffer | null;

export interface Statement {
  /** The first row. `Row` is what the SELECT says: the text of the statement is the contract. */
  get<Row extends readonly Cell[]>(...values: Cell[]): Row | undefined;
  all<Row extends readonly Cell[]>(...values: Cell[]): Row[];
  /** One row after the other, of which no more than one is in memory; nothing is written meanwhile. */
  iterate<Row extends readonly Cell[]>(...values: Cell[]): IterableIterator<Row>;
  run(...values: Cell[]): { readonly changes: number; readonly lastInsertRowid: number | bigint };
}

/** `writer`: synchronous=FULL. `control`: may write, for opening and migrating. `reader`: only reads. */
export type Role = 'writer' | 'control' | 'reader';

const PAGE_SIZE = 8192;
/** Statements whose text depends on the query are many; the oldest go. */
const STATEMENT_LIMIT = 400;
const BUSY_MILLISECONDS = 10_000;
/** As much as the engine maps at most: address space, of which only what is read becomes resident. */
const READER_MAPPED_BYTES = 0x7fff0000;
/** Of pages that are not mapped: all of the writer's, and, as no more than 2 GB are mapped, the further ones of a larger store. */
const CACHE_KIB: Readonly<Record<Role, number>> = { writer: 48_000, control: 64_000, reader: 8_000 };

export class Connection {
  readonly file: string;
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Statement>();
  /** Those whose rows are taken as one cell each. */
  readonly #columns = new Map<string, Database.Statement<Cell[], Cell>>();
  readonly #defined = new Set<string>();

  private constructor(file: string, database: Database.Database) {
    this.file = file;
    this.#database = database;
  }

  static open(
    file: string,
    role: Role,
    options: { readonly mustExist?: boolean; readonly pageLimit?: number } = {},
  ): Connection {
    const folder = dirname(file);
    if (!existsSync(folder)) {
      throw new StoreError('unwritable', `The folder ${folder} is not there: make it, or name another file.`);
    }
    let database: Database.Database | undefined;
    try {
      database = new Database(file, {
        readonly: role === 'reader',
        fileMustExist: options.mustExist ?? role === 'reader',
        timeout: BUSY_MILLISECONDS,
      });
      configure(database, role);
      if (options.pageLimit !== undefined) database.pragma(`max_page_count = ${options.pageLimit}`);
      return new Connection(file, database);
    } catch (error) {
      database?.close();
      throw storeError(error, file);
    }
  }

  prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#database.prepare(reusable(sql));
    if (prepared.reader) prepared.raw(true);
    // The driver types rows as unknown; each caller names the row that its own SQL text selects.
    const statement = prepared as unknown as Statement;
    return remembered(this.#statements, sql, statement);
  }

  get<Row extends readonly Cell[]>(sql: string, ...values: Cell[]): Row | undefined {
    return this.prepare(sql).get<Row>(...values);
  }

  all<Row extends readonly Cell[]>(sql: string, ...values: Cell[]): Row[] {
    return this.prepare(sql).all<Row>(...values);
  }

  /** The cells of a SELECT of one column, in half the time that their rows take. */
  column<Value extends Cell>(sql: string, ...values: Cell[]): Value[] {
    const statement =
      this.#columns.get(sql) ??
      remembered(this.#columns, sql, this.#database.prepare<Cell[], Cell>(reusable(sql)).pluck(true));
    return statement.all(...values) as Value[]; // the caller's own SQL text says what it selects
  }

  run(
    sql: string,
    ...values: Cell[]
  ): { readonly changes: number; readonly lastInsertRowid: number | bigint } {
    return this.prepare(sql).run(...values);
  }

  /** A function for SQL: pure, so that the engine may call it as often as it likes. Defined once per name. */
  define(name: string, work: (...values: unknown[]) => number): void {
    if (this.#defined.has(name)) return;
    this.#database.function(name, { deterministic: true, varargs: true }, work);
    this.#defined.add(name);
  }

  /** Several statements without values. */
  execute(sql: string): void {
    this.#database.exec(sql);
  }

  pragma(text: string): Cell {
    return this.#database.pragma(text, { simple: true }) as Cell; // a pragma's first column is a plain cell
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  /** All that `work` reads is of one moment. */
  snapshot<T>(work: () => T): T {
    if (this.#database.inTransaction) return work();
    this.prepare('BEGIN').run();
    try {
      return work();
    } finally {
      this.prepare('COMMIT').run();
    }
  }

  /** Commits what `work` did, or nothing of it. */
  transaction<T>(work: () => T): T {
    this.prepare('BEGIN IMMEDIATE').run();
    try {
      const result = work();
      this.prepare('COMMIT').run();
      return result;
    } catch (error) {
      if (this.#database.inTransaction) this.prepare('ROLLBACK').run();
      throw error;
    }
  }

  /**
   * Pages of the file that were read are memory of this process as long as they are mapped: whoever reads all of a store
   * lets them go on its way. Outside of transactions, in which pages are held. https://www.sqlite.org/mmap.html
   */
  letGoOfPages(): void {
    if (this.#database.inTransaction) return;
    this.#database.pragma('mmap_size = 0');
    this.#database.pragma(`mmap_size = ${READER_MAPPED_BYTES}`);
  }

  /** https://www.sqlite.org/backup.html; resolves when the copy is complete. */
  async copyTo(file: string, onProgress: (done: number, total: number) => void): Promise<void> {
    await this.#database.backup(file, {
      progress: ({ totalPages, remainingPages }) => {
        onProgress(totalPages - remainingPages, totalPages);
        return PAGES_PER_STEP;
      },
    });
  }

  close(): void {
    this.#statements.clear();
    this.#columns.clear();
    this.#database.close();
  }
}

/**
 * A limit that is a value as it is lets the engine plan for that value: it prepares the statement anew whenever one is bound,
 * which takes as long as to find ten rows. A sum is not looked into.
 */
function reusable(sql: string): string {
  return sql.replaceAll(/\bLIMIT \?/g, 'LIMIT ? + 0');
}

function remembered<Kept>(statements: Map<string, Kept>, sql: string, statement: Kept): Kept {
  if (statements.size >= STATEMENT_LIMIT) {
    const oldest = statements.keys().next().value;
    if (oldest !== undefined) statements.delete(oldest);
  }
  statements.set(sql, statement);
  return statement;
}

/** 8 MiB per turn of the event loop. */
const PAGES_PER_STEP = 1024;

function configure(database: Database.Database, role: Role): void {
  if (role !== 'reader') {
    database.pragma(`page_size = ${PAGE_SIZE}`);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('wal_autocheckpoint = 0');
    database.pragma('journal_size_limit = 67108864');
  }
  // What is deleted is overwritten with zeros: a purge leaves nothing in the file's free pages.
  if (role === 'writer') database.pragma('secure_delete = ON');
  if (role !== 'writer') database.pragma(`mmap_size = ${READER_MAPPED_BYTES}`);
  database.pragma(`cache_size = -${CACHE_KIB[role]}`);
  database.pragma('temp_store = MEMORY');
  database.pragma('foreign_keys = OFF');
}
