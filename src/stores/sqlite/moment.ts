/**
 * The store's resources as they are now, or as they were at a position, for what is evaluated in memory: the index
 * knows current values alone.
 *
 * Invariant: a moment hands out what was there at its position and nothing else; one of now is used within one snapshot.
 */

import type { ResourceObject } from '../../fhir/format/json.js';
import { parseJson } from '../../fhir/format/parse.js';
import { containedIn, type Key, placeOf } from '../../fhir/search/contained.js';
import type { IndexValue } from '../../fhir/search/index-value.js';
import { type Candidate, type Identity, type MatchResolver, matches } from '../../fhir/search/match.js';
import { type AccessFilter, visible } from '../../ports/access-filter.js';
import type { Position } from '../../ports/backend.js';
import type { View } from './view.js';

export type Indexer = (resource: ResourceObject) => readonly IndexValue[];

/** A resource at a moment, with the position of its version. */
export interface Standing extends Candidate {
  readonly rid: number;
  readonly position: Position;
}

/** Sources that no longer refer to a target, or no longer in the same way, by type and rid of the target. */
export type FormerReferrers = (type: string, target: number) => Iterable<number>;

const AT = `SELECT r.type, r.id, v.position, v.last_updated, v.bytes FROM version v JOIN resource r ON r.rid = v.rid
  WHERE v.rid = ? AND v.position <= ? ORDER BY v.version DESC LIMIT 1`;
const REFERRERS = 'SELECT rid FROM key_index WHERE param = ? AND value = ?';

export class Moment {
  /** Resources that were parsed for this moment. */
  reads = 0;
  readonly #view: View;
  readonly #indexer: Indexer;
  readonly #asOf: Position | undefined;
  readonly #former: FormerReferrers;
  readonly #known = new Map<number, Standing | undefined>();

  /** `former` tells whose references are no longer those of the moment; without it the moment is now. */
  constructor(
    view: View,
    indexer: Indexer,
    past?: { readonly asOf: Position; readonly former: FormerReferrers },
  ) {
    this.#view = view;
    this.#indexer = indexer;
    this.#asOf = past?.asOf;
    this.#former = past?.former ?? (() => []);
  }

  /** Undefined: not there, or deleted. */
  standing(rid: number): Standing | undefined {
    if (this.#known.has(rid)) return this.#known.get(rid);
    const found = this.#asOf === undefined ? this.#current(rid) : this.#at(rid, this.#asOf);
    this.#known.set(rid, found);
    return found;
  }

  /** All that was there. */
  readonly everything: MatchResolver = {
    resource: (type, id) => {
      const rid = this.#view.catalogue.rid(type, id);
      return rid === undefined ? undefined : this.standing(rid);
    },
    referrers: (type, param, target) => this.#referrers(type, param, target),
  };

  /** What an access filter lets see; the filter's own chains lead to everything. */
  seenThrough(access: AccessFilter): MatchResolver {
    if (access.kind === 'unrestricted') return this.everything;
    const { resource, referrers } = this.everything;
    const isSeen = (candidate: Candidate): boolean => this.isVisible(candidate, access);
    return {
      resource: (type, id) => {
        const found = resource(type, id);
        return found !== undefined && isSeen(found) ? found : undefined;
      },
      *referrers(type, param, target) {
        for (const found of referrers(type, param, target)) if (isSeen(found)) yield found;
      },
    };
  }

  isVisible({ identity, values }: Candidate, access: AccessFilter): boolean {
    return matches(values, identity, visible(access, identity.type), this.everything);
  }

  *#referrers(type: string, code: string, target: Identity): Iterable<Standing> {
    const { catalogue, connection } = this.#view;
    const rid = catalogue.rid(target.type, target.id);
    if (rid === undefined) return;
    const param = catalogue.param(type, code);
    const current = param === undefined ? [] : connection.column<number>(REFERRERS, param.id, rid);
    for (const source of new Set([...current, ...this.#former(type, rid)])) {
      const found = this.standing(source);
      if (found !== undefined) yield found;
    }
  }

  #current(rid: number): Standing | undefined {
    const current = this.#view.current(rid);
    if (current === undefined) return undefined;
    return this.#standingOf(rid, current, current);
  }

  #at(rid: number, asOf: Position): Standing | undefined {
    const version = this.#version(rid, asOf);
    if (version !== undefined) return this.#standingOf(rid, version, version);
    // What is contained has no versions: it stood in that of its container, if it did.
    const { catalogue } = this.#view;
    const container = catalogue.container(rid);
    const containing = container === undefined ? undefined : this.#version(container, asOf);
    const key = catalogue.identity(rid);
    return containing === undefined || key === undefined ? undefined : this.#standingOf(rid, key, containing);
  }

  #version(rid: number, asOf: Position): (Key & Version) | undefined {
    const row = this.#view.connection.get<
      [type: number, id: string, position: number, lastUpdated: number, bytes: Buffer | null]
    >(AT, rid, asOf);
    if (row === undefined) return undefined;
    const [type, id, position, lastUpdated, bytes] = row;
    return { type: this.#view.catalogue.typeName(type), id, position, lastUpdated, bytes };
  }

  /** The resource of a key in a version; a contained one is looked for in its container. */
  #standingOf(rid: number, { type, id }: Key, version: Version): Standing | undefined {
    const { position, lastUpdated, bytes } = version;
    if (bytes === null) return undefined;
    this.reads++;
    const values = this.#indexer(parseResource(bytes));
    const identity = { type, id, lastUpdated };
    if (placeOf(identity) === undefined) return { rid, identity, position, values };
    const inside = containedIn(values, identity).find(
      (one) => one.identity.type === type && one.identity.id === id,
    );
    return inside === undefined ? undefined : { rid, position, ...inside };
  }
}

interface Version {
  readonly position: Position;
  readonly lastUpdated: number;
  /** null: a deletion. */
  readonly bytes: Buffer | null;
}

/** Stored bytes as a tree. */
export function parseResource(bytes: Buffer): ResourceObject {
  // Only resources are stored; they were checked on their way in.
  return parseJson(bytes.toString('utf8')) as ResourceObject;
}
