/**
 * Whether a version may be seen. The current one is looked up in the index; an older one is judged by its own content,
 * so that a resource that has moved to another patient does not take its past along.
 *
 * Invariant: a deletion is seen by whoever could see the version before it; what cannot be judged is not seen.
 */

import type { ResourceObject } from '../../fhir/format/json.js';
import { parseJson } from '../../fhir/format/parse.js';
import type { IndexValue } from '../../fhir/search/index-value.js';
import { type Candidate, type Identity, type MatchResolver, matches } from '../../fhir/search/match.js';
import { type AccessFilter, visible } from '../../ports/access-filter.js';
import type { Prober } from './search/prober.js';
import type { View } from './view.js';

export interface SeenVersion {
  readonly type: string;
  readonly id: string;
  readonly rid: number;
  readonly version: number;
  readonly lastUpdated: number;
  readonly bytes: Buffer | null;
  readonly current: boolean;
}

export type Indexer = (resource: ResourceObject) => readonly IndexValue[];

const BEFORE = 'SELECT bytes, last_updated FROM version WHERE rid = ? AND version = ?';

export class Visibility {
  readonly #view: View;
  readonly #prober: Prober;
  readonly #indexer: Indexer;

  constructor(view: View, prober: Prober, indexer: Indexer) {
    this.#view = view;
    this.#prober = prober;
    this.#indexer = indexer;
  }

  mayBeSeen(seen: SeenVersion, access: AccessFilter): boolean {
    const where = visible(access, seen.type);
    if (where.op === 'everything') return true;
    if (where.op === 'nothing') return false;
    if (seen.current) return this.#prober.passes(seen.rid, seen.type, access);
    const { bytes, lastUpdated } = seen.bytes === null ? this.#before(seen) : seen;
    if (bytes === null) return false;
    const identity = { type: seen.type, id: seen.id, lastUpdated };
    return matches(this.#valuesOf(bytes), identity, where, this.#resolver);
  }

  #before({ rid, version }: SeenVersion): { readonly bytes: Buffer | null; readonly lastUpdated: number } {
    const row = this.#view.connection.get<[Buffer | null, number]>(BEFORE, rid, version - 1);
    return row === undefined ? { bytes: null, lastUpdated: 0 } : { bytes: row[0], lastUpdated: row[1] };
  }

  #valuesOf(bytes: Buffer): readonly IndexValue[] {
    return this.#indexer(parseResource(bytes));
  }

  /** The filter's own chains lead to whatever is there. */
  readonly #resolver: MatchResolver = {
    resource: (type, id) => {
      const rid = this.#view.catalogue.rid(type, id);
      return rid === undefined ? undefined : this.#candidate(rid);
    },
    referrers: (type, param, target) => this.#referrers(type, param, target),
  };

  *#referrers(type: string, code: string, target: Identity): Iterable<Candidate> {
    const param = this.#view.catalogue.param(type, code);
    const rid = this.#view.catalogue.rid(target.type, target.id);
    if (param === undefined || rid === undefined) return;
    const sources = this.#view.connection.all<[number]>(
      'SELECT rid FROM key_index WHERE param = ? AND value = ?',
      param.id,
      rid,
    );
    for (const [source] of sources) {
      const candidate = this.#candidate(source);
      if (candidate !== undefined) yield candidate;
    }
  }

  #candidate(rid: number): Candidate | undefined {
    const current = this.#view.current(rid);
    if (current === undefined) return undefined;
    const { type, id, lastUpdated, bytes } = current;
    return { identity: { type, id, lastUpdated }, values: this.#valuesOf(bytes) };
  }
}

/** Stored bytes as a tree. */
export function parseResource(bytes: Buffer): ResourceObject {
  // Only resources are stored; they were checked on their way in.
  return parseJson(bytes.toString('utf8')) as ResourceObject;
}
