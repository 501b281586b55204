/**
 * The rows of contained resources: each is an identity of its own beside those of stored resources, under a type that no
 * search names unless it asks for contained ones (fhir/search/contained.ts). Its row of `resource` stands at the position
 * of the version that contains it, so what reads a resource through its position reads the container.
 *
 * Invariant: what the current version of a container contains is live, and nothing else; the rows follow the container's in
 * the same transaction. A contained resource has no version, no history and no sort date of its own.
 */
import { CONTAINS } from '../../fhir/search/contained.js';
import type { Connection } from './connection.js';
import { rowsOf } from './index-rows.js';
import type { IndexWriter } from './index-writer.js';
import type { Interner } from './interner.js';
import type { RowMaker } from './row-maker.js';
import type { ContainedLines } from './wire-values.js';

/** Rids by the rows of the container; no parameter, no rows: its type never contained anything. */
const CONTAINED = `SELECT json_extract(e.rows, '$."' || p.id || '"')
  FROM param p CROSS JOIN index_entry e ON e.rid = ? WHERE p.type = ? AND p.code = '${CONTAINS}'`;
const SET = 'UPDATE resource SET position = ?, version = ?, last_updated = ?, live = ? WHERE rid = ?';
const DROP_ALL =
  "UPDATE resource SET live = 0 WHERE live = 1 AND type IN (SELECT id FROM type WHERE name GLOB '#*')";

/** The version of a container, or the deletion of it. */
export interface ContainerVersion {
  readonly position: number;
  readonly version: number;
  readonly lastUpdated: number;
}

export class ContainedRows {
  readonly #connection: Connection;
  readonly #interner: Interner;
  readonly #rows: RowMaker;
  readonly #index: IndexWriter;

  constructor(connection: Connection, interner: Interner, rows: RowMaker, index: IndexWriter) {
    this.#connection = connection;
    this.#interner = interner;
    this.#rows = rows;
    this.#index = index;
  }

  /** Rids of what an indexed resource contains; to be asked before its own rows change. */
  of(rid: number, type: number): readonly number[] {
    const [rows = null] = this.#connection.get<[string | null]>(CONTAINED, rid, type) ?? [];
    return rows === null ? [] : rowsOf(rows).filter((row) => typeof row === 'number');
  }

  /** `before`: what was contained up to this version. */
  put(before: readonly number[], contained: readonly ContainedLines[], at: ContainerVersion): void {
    const gone = new Set(before);
    for (const { type, id, lines } of contained) {
      const rid = this.#interner.identity(type, id);
      const rows = this.#rows.make(this.#interner.type(type), lines, undefined);
      const wasThere = gone.delete(rid);
      this.#set(rid, at, 1);
      this.#index.put(rid, rows, 0, wasThere ? 0 : undefined);
    }
    for (const rid of gone) {
      this.#set(rid, at, 0);
      this.#index.drop(rid, 0);
    }
  }

  #set(rid: number, { position, version, lastUpdated }: ContainerVersion, live: 0 | 1): void {
    this.#connection.run(SET, position, version, lastUpdated, live, rid);
  }
}

/** While the index is made anew they come back with their containers. */
export function forgetContained(connection: Connection): void {
  connection.run(DROP_ALL);
}
