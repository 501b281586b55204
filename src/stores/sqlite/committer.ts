/**
 * Applies one commit inside an open transaction: conditions, access and expected versions are looked at, versions and
 * index rows are written.
 *
 * Invariant: whoever gets a result other than `committed`, or an error, rolls back and calls `rolledBack`.
 */
import { type AccessFilter, hidesNothing } from '../../ports/access-filter.js';
import type {
  CommitResult,
  Condition,
  ExpectedVersion,
  Position,
  WriteOutcome,
} from '../../ports/backend.js';
import { Catalogue, NO_DATE } from './catalogue.js';
import type { Cell, Connection } from './connection.js';
import { ContainedRows } from './contained-rows.js';
import { IndexWriter } from './index-writer.js';
import { Interner } from './interner.js';
import type { CommitJob, IndexingJob, IndexingResult, IndexingStep, WireWrite } from './messages.js';
import { methodNumber } from './methods.js';
import { refuseNewer } from './migrations.js';
import {
  ACTIVE,
  advanceWalk,
  definitionsPosition,
  setDefinitionsPosition,
  startWalk,
} from './parameter-index.js';
import { PurgeWriter } from './purge-writer.js';
import { RowMaker } from './row-maker.js';
import { Prober } from './search/prober.js';
import { storedBytes } from './stored-bytes.js';

const UNCHANGED = 'SELECT sort_date FROM resource WHERE rid = ? AND position = ? AND live = 1';
const LAST = 'SELECT position, last_updated FROM version ORDER BY position DESC LIMIT 1';
/** No commit's `lastUpdated` is before it. */
const FLOOR = "SELECT value FROM setting WHERE name = 'time_floor'";
const SET_FLOOR = "UPDATE setting SET value = ? WHERE name = 'time_floor'";
const EPOCH = "SELECT value FROM setting WHERE name = 'index_epoch'";
const IS_ACTIVE = `SELECT ${ACTIVE} FROM version v WHERE v.position = ?`;
const STATE =
  'SELECT rid, position, version, last_updated, live, sort_date FROM resource WHERE type = ? AND id = ?';
const ADD_RESOURCE =
  'INSERT INTO resource(type, id, position, version, last_updated, live, sort_date) VALUES (?, ?, ?, ?, ?, 1, ?)';
const SET_RESOURCE =
  'UPDATE resource SET position = ?, version = ?, last_updated = ?, live = ?, sort_date = ? WHERE rid = ?';
const ADD_VERSION =
  'INSERT INTO version(position, rid, type, version, last_updated, method, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)';

/** What stands under an identity; without a position it was only mentioned. */
interface State {
  readonly rid: number;
  readonly position: number;
  readonly version: number;
  readonly lastUpdated: number;
  readonly live: boolean;
  readonly sortDate: number;
}

export class Committer {
  readonly #connection: Connection;
  readonly #primaryDates: ReadonlyMap<string, string>;
  readonly #interner: Interner;
  readonly #rows: RowMaker;
  readonly #index: IndexWriter;
  readonly #contained: ContainedRows;
  readonly #purges: PurgeWriter;
  readonly #prober: Prober;
  #position = 0;
  #lastUpdated = 0;
  #epoch: Cell = null;
  #definitionsAt: Position = 0;

  constructor(connection: Connection, primaryDates: ReadonlyMap<string, string>) {
    this.#connection = connection;
    this.#primaryDates = primaryDates;
    this.#interner = new Interner(connection);
    this.#rows = new RowMaker(this.#interner);
    this.#index = new IndexWriter(connection);
    this.#contained = new ContainedRows(connection, this.#interner, this.#rows, this.#index);
    this.#purges = new PurgeWriter(connection);
    this.#prober = new Prober(connection, new Catalogue(connection), primaryDates);
  }

  /** At the start of a transaction: another process may have committed since the last one. */
  begin(): void {
    refuseNewer(this.#connection);
    this.#readPosition();
    const [epoch = null] = this.#connection.get(EPOCH) ?? [];
    if (epoch !== this.#epoch) this.#forgetNames();
    this.#epoch = epoch;
    this.#definitionsAt = definitionsPosition(this.#connection);
  }

  /** Part or all of the transaction was undone. */
  rolledBack(): void {
    this.#forgetNames();
    if (!this.#connection.inTransaction) return;
    this.#readPosition();
    this.#definitionsAt = definitionsPosition(this.#connection);
  }

  apply(job: CommitJob): CommitResult {
    this.#prober.forget();
    if (job.indexedAt !== undefined && job.indexedAt !== this.#definitionsAt)
      return { kind: 'definitions-changed' };
    if (this.#position > job.resolvedAt) {
      const changed = job.conditions.findIndex((condition) => this.#hasChanged(condition, job));
      if (changed >= 0) return { kind: 'condition-changed', condition: changed };
    }
    const lastUpdated = Math.max(job.now, this.#lastUpdated);
    const refusedBefore = this.#refusedBefore(job);
    if (refusedBefore !== undefined) return refusedBefore;
    const outcomes: WriteOutcome[] = [];
    for (const [at, write] of job.writes.entries()) {
      const state = this.#state(write.type, write.id);
      if (!meets(write.expected, state)) {
        return {
          kind: 'version-conflict',
          write: at,
          ...(state?.live ? { current: String(state.version) } : {}),
        };
      }
      outcomes.push(this.#write(write, state, lastUpdated));
    }
    this.#index.flush();
    this.#prober.forget();
    const refusedAfter = this.#refusedAfter(job, outcomes);
    if (refusedAfter !== undefined) return refusedAfter;
    this.#lastUpdated = lastUpdated;
    return { kind: 'committed', outcomes };
  }

  /** A part of the walk for a custom parameter. */
  index(job: IndexingJob): IndexingResult {
    // While the whole index is made anew there is nothing to add to.
    if (this.#epoch === null) return { kind: 'overtaken' };
    const advanced =
      job.kind === 'indexing-start'
        ? job.definitionsAt === this.#definitionsAt &&
          startWalk(this.#connection, job.key, job.definitionsAt, this.#position)
        : this.#walk(job);
    return { kind: advanced ? 'advanced' : 'overtaken' };
  }

  #walk(step: IndexingStep): boolean {
    if (!advanceWalk(this.#connection, step)) return false;
    const type = this.#interner.type(step.key.type);
    const params = step.codes.map((code) => this.#interner.param(type, code).id);
    for (const { rid, position, values } of step.resources) {
      const [date] = this.#connection.get<[number]>(UNCHANGED, rid, position) ?? [];
      // What was written since has the parameter's values by itself.
      if (date !== undefined)
        this.#index.putParams(rid, params, this.#rows.make(type, values, undefined).params, date);
    }
    this.#index.flush();
    return true;
  }

  #forgetNames(): void {
    this.#index.discard();
    this.#interner.forget();
    this.#rows.forget();
    this.#prober.forget();
  }

  #hasChanged(condition: Condition, job: CommitJob): boolean {
    const ids = this.#prober.ids(condition.type, condition.where, job.access[condition.by], 2);
    const counted = Math.min(condition.ids.length, 2);
    return ids.length !== counted || (counted === 1 && ids[0] !== condition.ids[0]);
  }

  #write(write: WireWrite, state: State | undefined, lastUpdated: number): WriteOutcome {
    switch (write.kind) {
      case 'put':
        return this.#put(write, state, lastUpdated);
      case 'delete':
        return this.#delete(write, state, lastUpdated);
      case 'purge':
        return this.#purge(write, state, lastUpdated);
    }
  }

  #put(write: WireWrite & { kind: 'put' }, state: State | undefined, lastUpdated: number): WriteOutcome {
    const type = this.#interner.type(write.type);
    const version = (state?.version ?? 0) + 1;
    const position = ++this.#position;
    const primaryDate = this.#primaryDates.get(write.type);
    const rows = this.#rows.make(type, write.values, primaryDate);
    const sortDate = rows.primaryLo ?? (primaryDate === undefined ? 0 : NO_DATE);
    // The resource may have been mentioned just now: by itself, as a member of its own compartment.
    const mentioned = state?.rid ?? this.#interner.known(write.type, write.id);
    const rid = mentioned ?? this.#add(write, type, position, version, lastUpdated, sortDate);
    if (mentioned !== undefined)
      this.#connection.run(SET_RESOURCE, position, version, lastUpdated, 1, sortDate, rid);
    const bytes = storedBytes(write, String(version), lastUpdated);
    this.#connection.run(
      ADD_VERSION,
      position,
      rid,
      type,
      version,
      lastUpdated,
      methodNumber(write.method),
      bytes,
    );
    const contained = state?.live ? this.#contained.of(rid, type) : [];
    this.#index.put(rid, rows, sortDate, state?.live ? state.sortDate : undefined);
    this.#contained.put(contained, rows.contained, { position, version, lastUpdated });
    if (write.type === 'SearchParameter') this.#noteParameter(state, position);
    return {
      type: write.type,
      id: write.id,
      versionId: String(version),
      lastUpdated,
      position,
      created: !state?.live,
      unchanged: false,
    };
  }

  #add({ type, id }: WireWrite, typeId: number, ...values: readonly number[]): number {
    const rid = Number(this.#connection.run(ADD_RESOURCE, typeId, id, ...values).lastInsertRowid);
    this.#interner.remember(type, id, rid);
    return rid;
  }

  #delete(write: Deletion, state: State | undefined, lastUpdated: number): WriteOutcome {
    const key = { type: write.type, id: write.id, created: false };
    if (!state?.live) return unchanged(write, state);
    const type = this.#interner.type(write.type);
    const version = state.version + 1;
    const position = ++this.#position;
    this.#connection.run(SET_RESOURCE, position, version, lastUpdated, 0, 0, state.rid);
    this.#connection.run(
      ADD_VERSION,
      position,
      state.rid,
      type,
      version,
      lastUpdated,
      methodNumber('DELETE'),
      null,
    );
    const contained = this.#contained.of(state.rid, type);
    this.#index.drop(state.rid, state.sortDate);
    this.#contained.put(contained, [], { position, version, lastUpdated });
    if (write.type === 'SearchParameter') this.#noteParameter(state, position);
    return { ...key, versionId: String(version), lastUpdated, position, unchanged: false };
  }

  /** Its rows go as those of a deletion do, and then all of its versions. */
  #purge(write: Deletion, state: State | undefined, lastUpdated: number): WriteOutcome {
    if (state === undefined || state.position === 0) return unchanged(write, state);
    const type = this.#interner.type(write.type);
    const position = ++this.#position;
    if (state.live) {
      const contained = this.#contained.of(state.rid, type);
      this.#index.drop(state.rid, state.sortDate);
      this.#contained.put(contained, [], { position, version: state.version, lastUpdated });
    }
    if (write.type === 'SearchParameter') this.#noteParameter(state, position);
    this.#purges.purge({ rid: state.rid, type: write.type, id: write.id }, { position, lastUpdated });
    const { type: name, id } = write;
    const versionId = String(state.version);
    return { type: name, id, versionId, lastUpdated, position, created: false, unchanged: false };
  }

  /** A version that is active, or follows one that was, changes what resources are indexed by. */
  #noteParameter(before: State | undefined, position: number): void {
    const wasActive = before?.live === true && this.#isActive(before.position);
    if (!wasActive && !this.#isActive(position)) return;
    this.#definitionsAt = position;
    setDefinitionsPosition(this.#connection, position);
  }

  #isActive(position: number): boolean {
    return this.#connection.get<[number | null]>(IS_ACTIVE, position)?.[0] === 1;
  }

  /** The first write on a resource that is there and that may not be updated, or not be deleted. */
  #refusedBefore({ access, writes }: CommitJob): CommitResult | undefined {
    for (const [at, { kind, type, id }] of writes.entries()) {
      const filter = access[kind === 'put' ? 'update' : 'delete'];
      if (kind === 'purge' ? hidesNothing(filter, type) : this.#passes(type, id, filter)) continue;
      return { kind: 'refused', write: at, side: 'before', known: this.#passes(type, id, access.read) };
    }
    return undefined;
  }

  /** The first write that made what may not be created, or not be the outcome of an update. */
  #refusedAfter({ access, writes }: CommitJob, outcomes: readonly WriteOutcome[]): CommitResult | undefined {
    const write = writes.findIndex(
      ({ type, id }, at) => !this.#passes(type, id, access[outcomes[at]?.created ? 'create' : 'update']),
    );
    return write < 0 ? undefined : { kind: 'refused', write, side: 'after' };
  }

  /** Whether the filter lets the resource through as it is at this moment; what is not there passes. */
  #passes(type: string, id: string, access: AccessFilter): boolean {
    if (access.kind === 'unrestricted') return true;
    const state = this.#state(type, id);
    return state?.live !== true || this.#prober.passes(state.rid, type, access);
  }

  #state(type: string, id: string): State | undefined {
    const row = this.#connection.get<[number, number | null, number, number, number, number]>(
      STATE,
      this.#interner.type(type),
      id,
    );
    if (row === undefined) return undefined;
    const [rid, position, version, lastUpdated, live, sortDate] = row;
    return { rid, position: position ?? 0, version, lastUpdated, live: live === 1, sortDate };
  }

  /**
   * The position of the last commit and a time: no earlier than its `lastUpdated`, and before that of every later one, in
   * whichever process it is made.
   */
  mark(now: number): { readonly position: Position; readonly time: number } {
    const time = Math.max(now, this.#lastUpdated);
    this.#lastUpdated = time + 1;
    this.#connection.run(SET_FLOOR, this.#lastUpdated);
    return { position: this.#position, time };
  }

  #readPosition(): void {
    const [position = 0, lastUpdated = 0] = this.#connection.get<[number, number]>(LAST) ?? [];
    const [floor = 0] = this.#connection.get<[number]>(FLOOR) ?? [];
    this.#position = position;
    this.#lastUpdated = Math.max(lastUpdated, floor);
  }
}

type Deletion = Exclude<WireWrite, { readonly kind: 'put' }>;

function unchanged({ type, id }: Deletion, state: State | undefined): WriteOutcome {
  const { version = 0, lastUpdated = 0, position = 0 } = state ?? {};
  const versionId = String(version);
  return { type, id, versionId, lastUpdated, position, created: false, unchanged: true };
}

/** A condition may speak of what is there, or of what may not be there. */
function meets(expected: ExpectedVersion, state: State | undefined): boolean {
  if (expected.kind === 'any') return true;
  if (expected.kind === 'absent') return !state?.live;
  return state?.live === true && String(state.version) === expected.versionId;
}
