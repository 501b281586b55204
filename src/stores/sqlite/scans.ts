/**
 * Scans: the newest versions of a type as of a position, in the order in which they were stored.
 *
 *   version (type, position) ──▶ … 17   23   42 … as-of          what is superseded by then is passed over: its resource's
 *                                 └ superseded at 42             next version stands at a position up to as-of
 *
 * Where nothing is hidden and nothing asked for, stored bytes pass through unparsed. Else each version is indexed and judged
 * in memory, as of the position: the index of the store knows current values alone.
 *
 * Invariant: one step is read within one snapshot, and holds no more than a few megabytes beside its last resource.
 */
import { matches } from '../../fhir/search/match.js';
import type { Predicate } from '../../fhir/search/query.js';
import { EVERYTHING, hasTest } from '../../fhir/search/tree.js';
import { withWords } from '../../fhir/search/words.js';
import { type AccessFilter, visible } from '../../ports/access-filter.js';
import type {
  Position,
  RangesRequest,
  ResourceKey,
  ScanRange,
  ScanRequest,
  ScanStep,
  StoredResource,
} from '../../ports/backend.js';
import { FormerReferences } from './former-references.js';
import { firstPositionAt } from './history.js';
import { type Indexer, Moment, parseResource } from './moment.js';
import type { View } from './view.js';

type Row = readonly [
  position: number,
  rid: number,
  id: string,
  version: number,
  lastUpdated: number,
  bytes: Buffer | null,
];

/** Most versions are the current one still, which a look at the resource tells. */
const ROWS = `SELECT v.position, v.rid, r.id, v.version, v.last_updated, v.bytes
  FROM version v INDEXED BY version_type CROSS JOIN resource r ON r.rid = v.rid
  WHERE v.type = ? AND v.position > ? AND v.position <= ? AND CASE WHEN v.bytes IS NULL THEN ? ELSE ? END
    AND (r.position = v.position OR r.position > ? AND NOT EXISTS (
      SELECT 1 FROM version n WHERE n.rid = v.rid AND n.version = v.version + 1 AND n.position <= ?))
  ORDER BY v.position`;
const BEFORE = 'SELECT bytes, last_updated FROM version WHERE rid = ? AND version = ?';
/** The last position of the next so many versions. */
const NTH = `SELECT position FROM version INDEXED BY version_type WHERE type = ? AND position > ? AND position <= ?
  ORDER BY position LIMIT 1 OFFSET ?`;
const COUNT = 'SELECT count(*), max(position) FROM version WHERE type = ? AND position > ? AND position <= ?';

/** A step ends with the row that brings it past one of these. */
const STEP_BYTES = 2 * 1024 * 1024;
const STEP_ROWS = 2_000;
/** Whoever scans a store reads more of it than a process should hold. */
const HELD_BYTES = 24 * 1024 * 1024;
/** Judging takes time: others have their turn sooner. */
const JUDGED_ROWS = 200;

/** Why a version goes out: nothing of its type is hidden or sorted out, or it was judged. */
type Judge = ((row: Row, moment: Moment) => boolean) | undefined;

export class Scans {
  readonly #view: View;
  readonly #indexer: Indexer;
  /** Bytes read since pages were let go of. */
  #held = 0;

  constructor(view: View, indexer: Indexer) {
    this.#view = view;
    this.#indexer = indexer;
  }

  async *steps(request: ScanRequest): AsyncGenerator<ScanStep> {
    const { type, access, where } = request;
    const typeId = this.#view.catalogue.type(type);
    if (typeId === undefined || visible(access, type).op === 'nothing') return;
    const bounds = this.#view.snapshot(() => this.#bounds(request, request.from, request.to));
    const judge = this.#judgeOf(request);
    const former = new FormerReferences(this.#view, this.#indexer, request.asOf, [
      where,
      ...(request.deletions === undefined ? [] : [request.deletions]),
      ...filters(access),
    ]);
    let { from } = bounds;
    while (from < bounds.to) {
      const step = this.#view.snapshot(() => {
        if (judge !== undefined && !former.catchUp()) return undefined;
        const past = { asOf: request.asOf, former: former.of };
        const moment = new Moment(this.#view, this.#indexerFor(where), past);
        return this.#step(request, typeId, { from, to: bounds.to }, judge, moment);
      });
      if (step !== undefined) {
        from = step.upTo;
        this.#letGo(step.bytes);
        yield step;
      }
      await nextTurn();
    }
  }

  #letGo(read: number): void {
    this.#held += read;
    if (this.#held < HELD_BYTES) return;
    this.#held = 0;
    this.#view.connection.letGoOfPages();
  }

  ranges(request: RangesRequest): readonly ScanRange[] {
    return this.#view.snapshot(() => {
      const { connection, catalogue } = this.#view;
      const type = catalogue.type(request.type);
      if (type === undefined) return [];
      const { from: start, to: end } = this.#bounds(request, 0, request.asOf);
      const found: ScanRange[] = [];
      for (let from = start; ; ) {
        const [to] = connection.get<[number]>(NTH, type, from, end, request.size - 1) ?? [];
        if (to !== undefined) {
          found.push({ from, to, versions: request.size });
          from = to;
          continue;
        }
        const [versions = 0, last] = connection.get<[number, number | null]>(COUNT, type, from, end) ?? [];
        return versions === 0 ? found : [...found, { from, to: last ?? end, versions }];
      }
    });
  }

  /** Times as positions. */
  #bounds(
    { asOf, since, until }: Pick<ScanRequest, 'asOf' | 'since' | 'until'>,
    from: Position,
    to: Position,
  ): { readonly from: Position; readonly to: Position } {
    const { connection } = this.#view;
    return {
      from: Math.max(from, since === undefined ? 0 : firstPositionAt(connection, since + 1) - 1),
      to: Math.min(to, asOf, until === undefined ? asOf : firstPositionAt(connection, until) - 1),
    };
  }

  #step(
    { type, asOf, where, deletions }: ScanRequest,
    typeId: number,
    { from, to }: { readonly from: Position; readonly to: Position },
    judge: Judge,
    moment: Moment,
  ): ScanStep & { readonly upTo: Position; readonly bytes: number } {
    const rows: Row[] = [];
    let bytes = 0;
    let upTo = to;
    const most = judge === undefined ? STEP_ROWS : JUDGED_ROWS;
    const statement = this.#view.connection.prepare(ROWS);
    // Who asks for deletions alone has none of the rest read.
    const wanted = [deletions === undefined ? 0 : 1, where.op === 'nothing' ? 0 : 1];
    for (const row of statement.iterate<Row>(typeId, from, to, ...wanted, asOf, asOf)) {
      rows.push(row);
      bytes += row[5]?.length ?? 0;
      if (rows.length < most && bytes < STEP_BYTES) continue;
      [upTo] = row;
      break;
    }
    const resources: StoredResource[] = [];
    const deleted: ResourceKey[] = [];
    for (const row of rows) {
      if (judge !== undefined && !judge(row, moment)) continue;
      const [position, , id, version, lastUpdated, content] = row;
      if (content === null) deleted.push({ type, id });
      else resources.push({ type, id, versionId: String(version), lastUpdated, position, bytes: content });
    }
    return { resources, deleted, upTo, bytes };
  }

  #judgeOf({ type, access, where, deletions = EVERYTHING }: ScanRequest): Judge {
    const filter = visible(access, type);
    if ([filter, where, deletions].every(({ op }) => op === 'everything')) return undefined;
    const indexer = this.#indexerFor(where);
    return (row, moment) => {
      const { bytes, lastUpdated } = this.#judged(row);
      if (bytes === null) return false;
      const identity = { type, id: row[2], lastUpdated };
      const values = indexer(parseResource(bytes));
      if (!matches(values, identity, filter, moment.everything)) return false;
      const isDeleted = row[5] === null;
      return matches(values, identity, isDeleted ? deletions : where, moment.seenThrough(access));
    };
  }

  /** A deletion is seen by whoever could see the version before it. */
  #judged([, rid, , version, lastUpdated, bytes]: Row): {
    readonly bytes: Buffer | null;
    readonly lastUpdated: number;
  } {
    if (bytes !== null) return { bytes, lastUpdated };
    const [before = null, at = 0] =
      this.#view.connection.get<[Buffer | null, number]>(BEFORE, rid, version - 1) ?? [];
    return { bytes: before, lastUpdated: at };
  }

  /** Words are taken from the whole resource, so only where they are asked for. */
  #indexerFor(where: Predicate): Indexer {
    return hasTest(where, 'words') ? withWords(this.#indexer) : this.#indexer;
  }
}

function filters(access: AccessFilter): readonly Predicate[] {
  return access.kind === 'unrestricted' ? [] : Object.values(access.byType);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
