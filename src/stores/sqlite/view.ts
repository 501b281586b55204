/**
 * A process's reading connection with what it remembers: names, and the bodies of current resources.
 *
 * Invariant: what is remembered is valid for the data version that `refresh` saw last; every read begins with it.
 */
import type { Position, StoredResource } from '../../ports/backend.js';
import { BodyCache } from './body-cache.js';
import { Catalogue } from './catalogue.js';
import type { Connection, Statement } from './connection.js';
import { refuseNewer } from './migrations.js';
import { lastPurge } from './purge-writer.js';

const CHANGED = 'SELECT position, rid FROM version WHERE position > ? ORDER BY position LIMIT ?';
const LAST = 'SELECT position FROM version ORDER BY position DESC LIMIT 1';
/**
 * All rows as one: what they say as JSON, their bodies one behind the other. A row of its own for each, with a buffer of
 * its own, takes twice the time. The outer table is the list: its order and its length decide, whatever the statistics say.
 */
const CURRENT = `SELECT
    json_group_array(json_array(r.rid, r.type, r.id, r.position, r.version, r.last_updated, length(v.bytes))),
    CAST(group_concat(iif(length(v.bytes) <= ?, CAST(v.bytes AS TEXT), ''), '') AS BLOB)
  FROM json_each(?) asked CROSS JOIN resource r ON r.rid = asked.value CROSS JOIN version v ON v.position = r.position
  WHERE r.live = 1 AND v.bytes IS NOT NULL`;
/** Longer bodies are read by themselves: so many as one page may hold would be too long for one value of the engine. */
const JOINED_BYTES = 32_000;
const BYTES = 'SELECT bytes FROM version WHERE position = ?';
/** With more changes than this since the last look, forgetting all costs less. */
const CHANGES_FOLLOWED = 256;

export class View {
  readonly connection: Connection;
  readonly catalogue: Catalogue;
  readonly cache: BodyCache;
  readonly #dataVersion: Statement;
  #seenVersion = -1;
  #seenPosition = 0;
  #purgedAt = 0;
  #looked = false;

  constructor(connection: Connection, cacheBytes: number) {
    this.connection = connection;
    this.catalogue = new Catalogue(connection);
    this.cache = new BodyCache(cacheBytes);
    this.#dataVersion = connection.prepare('PRAGMA data_version');
  }

  /**
   * A refresh that holds for the rest of this turn of the event loop: asking for the data version took a tenth of a
   * read. The requests of one turn had all arrived when it began, so none can know of a commit that the look missed;
   * our own commits `expire` it.
   */
  refreshOncePerTurn(): void {
    if (this.#looked) return;
    this.refresh();
    this.#looked = true;
    setImmediate(() => this.expire());
  }

  expire(): void {
    this.#looked = false;
  }

  /** Forgets what another connection has changed. */
  refresh(): void {
    const version = this.#dataVersion.get<[number]>()?.[0] ?? 0;
    if (version === this.#seenVersion) return;
    refuseNewer(this.connection);
    this.#seenVersion = version;
    this.catalogue.forgetParams();
    this.#lookForPurges();
    const changes = this.connection.all<[number, number]>(CHANGED, this.#seenPosition, CHANGES_FOLLOWED);
    if (changes.length === CHANGES_FOLLOWED) {
      this.cache.clear();
      this.#seenPosition = this.connection.get<[number]>(LAST)?.[0] ?? 0;
      return;
    }
    for (const [position, rid] of changes) {
      this.cache.delete(rid);
      this.#seenPosition = position;
    }
  }

  /** Purges leave no version by which the bodies that they took could be told. */
  #lookForPurges(): void {
    const purgedAt = lastPurge(this.connection);
    if (purgedAt !== this.#purgedAt) this.cache.clear();
    this.#purgedAt = purgedAt;
  }

  /** Where the last purge stands, as of the last `refresh`: what was made of versions before it may hold what is gone. */
  get purgedAt(): Position {
    return this.#purgedAt;
  }

  /** The newest position, as of the last `refresh`. */
  get position(): Position {
    return this.#seenPosition;
  }

  /** Changes whenever another connection has changed the store; as of the last `refresh`. */
  get dataVersion(): number {
    return this.#seenVersion;
  }

  /** Reads of one moment, after a refresh. */
  snapshot<T>(work: () => T): T {
    return this.connection.snapshot(() => {
      this.refresh();
      return work();
    });
  }

  /** The current version under a rid; undefined where there is none (deleted meanwhile, or only mentioned). */
  current(rid: number): StoredResource | undefined {
    return this.currents([rid]).get(rid);
  }

  /**
   * The current versions under some rids; those that have none are missing. One statement for all that is not cached;
   * they are not cached then, for a page of a long search would push out what point reads keep warm.
   */
  currents(rids: readonly number[]): ReadonlyMap<number, StoredResource> {
    const found = new Map<number, StoredResource>();
    const missing: number[] = [];
    for (const rid of rids) {
      const cached = this.cache.getByRid(rid);
      if (cached === undefined) missing.push(rid);
      else found.set(rid, cached);
    }
    if (missing.length === 0) return found;
    // Of neighbours the one behind is a step away; the one before is looked up from the root again.
    if ((missing[0] ?? 0) > (missing.at(-1) ?? 0)) missing.reverse();
    const row = this.connection.get<[string, Buffer | null]>(CURRENT, JOINED_BYTES, `[${missing.join(',')}]`);
    if (row === undefined) return found;
    const [heads, bodies] = row;
    let at = 0;
    for (const head of JSON.parse(heads) as readonly CurrentHead[]) {
      const [rid, typeId, id, position, version, lastUpdated, length] = head;
      const isJoined = length <= JOINED_BYTES;
      const bytes = isJoined ? bodies?.subarray(at, at + length) : this.#bytes(position);
      if (isJoined) at += length;
      if (bytes === undefined) continue;
      const type = this.catalogue.typeName(typeId);
      found.set(rid, { type, id, versionId: String(version), lastUpdated, position, bytes });
    }
    return found;
  }

  #bytes(position: Position): Buffer | undefined {
    return this.connection.get<[Buffer]>(BYTES, position)?.[0];
  }
}

/** As the statement makes it. */
type CurrentHead = readonly [
  rid: number,
  type: number,
  id: string,
  position: number,
  version: number,
  lastUpdated: number,
  length: number,
];
