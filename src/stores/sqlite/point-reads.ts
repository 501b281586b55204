/**
 * Read and vread: the hottest path, hence prepared statements and as few steps as can be.
 * https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread
 *
 * Invariant: what the filter refuses is answered as if it had never been.
 */
import { type AccessFilter, hidesNothing } from '../../ports/access-filter.js';
import type { ReadResult, ResourceKey } from '../../ports/backend.js';
import type { Statement } from './connection.js';
import { Sightings } from './sightings.js';
import type { View } from './view.js';
import type { Visibility } from './visibility.js';

type VersionRow = readonly [
  rid: number,
  position: number,
  version: number,
  lastUpdated: number,
  bytes: Buffer | null,
  live: number,
];

const CURRENT = `SELECT r.rid, v.position, v.version, v.last_updated, v.bytes, r.live
  FROM resource r JOIN version v ON v.position = r.position WHERE r.type = ? AND r.id = ?`;
const VERSION = `SELECT r.rid, v.position, v.version, v.last_updated, v.bytes, r.live AND v.position = r.position
  FROM resource r JOIN version v ON v.rid = r.rid WHERE r.type = ? AND r.id = ? AND v.version = ?`;

const ABSENT: ReadResult = { kind: 'absent' };
/** What we give as versionId; anything else was never ours. */
const VERSION_ID = /^[1-9][0-9]{0,14}$/;

export class PointReads {
  readonly #view: View;
  readonly #visibility: Visibility;
  readonly #current: Statement;
  readonly #sightings = new Sightings();

  constructor(view: View, visibility: Visibility) {
    this.#view = view;
    this.#visibility = visibility;
    this.#current = view.connection.prepare(CURRENT);
  }

  read(key: ResourceKey, access: AccessFilter): ReadResult {
    this.#view.refreshOncePerTurn();
    const isOpen = hidesNothing(access, key.type);
    const name = `${key.type}/${key.id}`;
    const cached = this.#view.cache.get(name);
    if (cached !== undefined && (isOpen || this.#sightings.has(access, cached.rid, this.#view.position))) {
      return { kind: 'found', resource: cached.resource };
    }
    if (!isOpen) return this.#view.snapshot(() => this.#readFiltered(key, name, access));
    const type = this.#view.catalogue.type(key.type);
    if (type === undefined) return ABSENT;
    const row = this.#current.get<VersionRow>(type, key.id);
    if (row === undefined) return ABSENT;
    const result = readResult(key, row);
    if (result.kind === 'found') this.#view.cache.set(name, { rid: row[0], resource: result.resource });
    return result;
  }

  vread(key: ResourceKey, versionId: string, access: AccessFilter): ReadResult {
    return this.#view.snapshot(() => {
      const type = this.#view.catalogue.type(key.type);
      if (type === undefined || !VERSION_ID.test(versionId)) return ABSENT;
      const row = this.#view.connection.get<VersionRow>(VERSION, type, key.id, Number(versionId));
      return this.#ifVisible(key, row, access);
    });
  }

  #readFiltered(key: ResourceKey, name: string, access: AccessFilter): ReadResult {
    const type = this.#view.catalogue.type(key.type);
    if (type === undefined) return ABSENT;
    const row = this.#current.get<VersionRow>(type, key.id);
    const result = this.#ifVisible(key, row, access);
    if (row !== undefined && result.kind === 'found') {
      this.#view.cache.set(name, { rid: row[0], resource: result.resource });
      this.#sightings.add(access, row[0], this.#view.position);
    }
    return result;
  }

  #ifVisible(key: ResourceKey, row: VersionRow | undefined, access: AccessFilter): ReadResult {
    if (row === undefined) return ABSENT;
    const [rid, position, version, lastUpdated, bytes, live] = row;
    const seen = { ...key, rid, position, version, lastUpdated, bytes, current: live === 1 };
    return this.#visibility.mayBeSeen(seen, access) ? readResult(key, row) : ABSENT;
  }
}

function readResult(key: ResourceKey, row: VersionRow): ReadResult {
  const [, position, version, lastUpdated, bytes] = row;
  const { type, id } = key;
  const versionId = String(version);
  if (bytes === null) return { kind: 'deleted', deleted: { type, id, versionId, lastUpdated, position } };
  return { kind: 'found', resource: { type, id, versionId, lastUpdated, position, bytes } };
}
