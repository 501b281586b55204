/**
 * History of an instance, a type or the system: versions by position, newest first.
 * https://hl7.org/fhir/R4/http.html#history
 *
 * Invariant: a deletion is seen by whoever could see the version before it.
 */
import type { HistoryEntry, HistoryPage, HistoryRequest, Position } from '../../ports/backend.js';
import type { Cell, Connection } from './connection.js';
import { methodOf } from './methods.js';
import type { View } from './view.js';
import type { Visibility } from './visibility.js';

type HistoryRow = readonly [
  position: number,
  rid: number,
  type: number,
  id: string,
  version: number,
  lastUpdated: number,
  method: number,
  bytes: Buffer | null,
  current: number,
];

const COLUMNS = `v.position, v.rid, v.type, r.id, v.version, v.last_updated, v.method, v.bytes,
  r.live AND r.position = v.position FROM version v JOIN resource r ON r.rid = v.rid`;
/** Versions that were current at some time in [from, to] were not superseded by its beginning. */
const NOT_SUPERSEDED = `NOT EXISTS (SELECT 1 FROM version n
  WHERE n.rid = v.rid AND n.version = v.version + 1 AND n.last_updated <= ?)`;

const NUMBER_AT = `coalesce((SELECT version FROM version WHERE rid = ? AND position = ?), 9e15)`;
/** Where versions may be hidden more are read at once than the page needs. */
const FILTERED_ROWS = 64;
/** Versions looked at for one page: whoever may see few of them is given a short page that goes on. */
const LOOKED_AT = 500;

export class History {
  readonly #view: View;
  readonly #visibility: Visibility;

  constructor(view: View, visibility: Visibility) {
    this.#view = view;
    this.#visibility = visibility;
  }

  page(request: HistoryRequest): HistoryPage {
    return this.#view.snapshot(() => {
      const scope = this.#scope(request);
      if (scope === undefined) return { entries: [], total: 0 };
      const entries: HistoryEntry[] = [];
      let before = request.before;
      let looked = 0;
      // One more than asked for says whether there is a next page; refused versions are read over.
      while (entries.length <= request.count) {
        if (looked >= LOOKED_AT && before !== undefined) return { entries, next: before };
        const rows = this.#rows(request, scope, before, this.#rowsWanted(request, entries.length));
        for (const row of rows) this.#collect(row, request, entries);
        looked += request.access.kind === 'restricted' ? rows.length : 0;
        before = rows.at(-1)?.[0];
        if (before === undefined) break;
      }
      return this.#paged(request, scope, entries);
    });
  }

  #rowsWanted({ access, count }: HistoryRequest, found: number): number {
    const wanted = count + 1 - found;
    return access.kind === 'restricted' ? Math.max(wanted, FILTERED_ROWS) : wanted;
  }

  #paged(request: HistoryRequest, scope: Scope, entries: readonly HistoryEntry[]): HistoryPage {
    const shown = entries.slice(0, request.count);
    const more = entries.length > shown.length;
    const last = shown.at(-1);
    const total = !more && request.before === undefined ? shown.length : this.#total(request, scope);
    return {
      entries: shown,
      ...(total === undefined ? {} : { total }),
      ...(more && last !== undefined ? { next: positionOf(last) } : {}),
    };
  }

  /** Undefined: what is asked for was never stored. */
  #scope({ type, id }: HistoryRequest): Scope | undefined {
    if (type === undefined) return { column: undefined, value: 0 };
    if (id === undefined) {
      const value = this.#view.catalogue.type(type);
      return value === undefined ? undefined : { column: 'type', value };
    }
    const value = this.#view.catalogue.rid(type, id);
    return value === undefined ? undefined : { column: 'rid', value };
  }

  #rows(request: HistoryRequest, scope: Scope, before: Position | undefined, limit: number): HistoryRow[] {
    const { connection } = this.#view;
    const conditions: string[] = [];
    const values: Cell[] = [];
    const add = (condition: string, ...bound: Cell[]): void => {
      conditions.push(condition);
      values.push(...bound);
    };
    if (scope.column !== undefined) add(`v.${scope.column} = ?`, scope.value);
    if (before !== undefined) add('v.position < ?', before);
    // The page before ended at a version of this resource: its number is what the index can seek.
    if (before !== undefined && scope.column === 'rid') add(`v.version < ${NUMBER_AT}`, scope.value, before);
    if (request.since !== undefined) add('v.position >= ?', firstPositionAt(connection, request.since));
    if (request.at !== undefined) {
      add('v.position < ?', firstPositionAt(connection, request.at.to + 1));
      add(NOT_SUPERSEDED, request.at.from);
    }
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    // The versions of one resource are found in the order of their numbers, which is that of their positions.
    const order = scope.column === 'rid' ? 'v.version' : 'v.position';
    const sql = `SELECT ${COLUMNS} ${where} ORDER BY ${order} DESC LIMIT ?`;
    return connection.all<HistoryRow>(sql, ...values, limit);
  }

  #collect(row: HistoryRow, request: HistoryRequest, entries: HistoryEntry[]): void {
    const [position, rid, typeId, id, version, lastUpdated, method, bytes, current] = row;
    const type = this.#view.catalogue.typeName(typeId);
    const seen = { type, id, rid, position, version, lastUpdated, bytes, current: current === 1 };
    if (!this.#visibility.mayBeSeen(seen, request.access)) return;
    const common = { type, id, versionId: String(version), lastUpdated, position };
    if (bytes === null) entries.push({ kind: 'deleted', method: 'DELETE', deleted: common });
    else entries.push({ kind: 'version', method: methodOf(method), resource: { ...common, bytes } });
  }

  /** Counted only where it is one resource's and nothing is hidden. */
  #total(request: HistoryRequest, scope: Scope): number | undefined {
    const { access, since, at } = request;
    if (scope.column !== 'rid' || access.kind === 'restricted' || since !== undefined || at !== undefined) {
      return undefined;
    }
    return this.#view.connection.get<[number]>(
      'SELECT count(*) FROM version WHERE rid = ?',
      scope.value,
    )?.[0];
  }
}

interface Scope {
  readonly column: 'rid' | 'type' | undefined;
  readonly value: number;
}

function positionOf(entry: HistoryEntry): Position {
  return entry.kind === 'deleted' ? entry.deleted.position : entry.resource.position;
}

const NEXT_VERSION =
  'SELECT position, last_updated FROM version WHERE position >= ? ORDER BY position LIMIT 1';
const LAST_VERSION = 'SELECT position FROM version ORDER BY position DESC LIMIT 1';

/** The first position committed at or after a time, by bisection: times never fall with positions. */
export function firstPositionAt(connection: Connection, time: number): Position {
  let low = 1;
  let high = (connection.get<[number]>(LAST_VERSION)?.[0] ?? 0) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const next = connection.get<[number, number]>(NEXT_VERSION, middle);
    if (next === undefined || next[1] >= time) high = middle;
    else low = next[0] + 1;
  }
  return low;
}
