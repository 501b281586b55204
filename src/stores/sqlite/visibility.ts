/**
 * Whether a version may be seen. The current one is looked up in the index; an older one is judged by its own content,
 * so that a resource that has moved to another patient does not take its past along.
 *
 * Invariant: a deletion is seen by whoever could see the version before it; what cannot be judged is not seen.
 */

import { matches } from '../../fhir/search/match.js';
import { type AccessFilter, visible } from '../../ports/access-filter.js';
import { type Indexer, Moment, parseResource } from './moment.js';
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
    const now = new Moment(this.#view, this.#indexer);
    return matches(this.#indexer(parseResource(bytes)), identity, where, now.everything);
  }

  #before({ rid, version }: SeenVersion): { readonly bytes: Buffer | null; readonly lastUpdated: number } {
    const row = this.#view.connection.get<[Buffer | null, number]>(BEFORE, rid, version - 1);
    return row === undefined ? { bytes: null, lastUpdated: 0 } : { bytes: row[0], lastUpdated: row[1] };
  }
}
