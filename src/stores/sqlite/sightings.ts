/**
 * What access filters have let be seen: an app reads the same few resources again and again, and judging each time costs
 * more than the read.
 *
 * Invariant: what was seen counts as long as nothing at all was committed, for a filter may look at any resource; a filter
 * that is made anew (its time has passed, the definitions have changed) has seen nothing.
 */
import type { AccessFilter } from '../../ports/access-filter.js';
import type { Position } from '../../ports/backend.js';

interface Seen {
  readonly at: Position;
  readonly rids: Set<number>;
}

/** Per filter; it then begins anew. */
const MOST = 10_000;

export class Sightings {
  readonly #byFilter = new WeakMap<AccessFilter, Seen>();

  /** Whether the current version under a rid was let be seen at this position. */
  has(filter: AccessFilter, rid: number, position: Position): boolean {
    const seen = this.#byFilter.get(filter);
    return seen !== undefined && seen.at === position && seen.rids.has(rid);
  }

  add(filter: AccessFilter, rid: number, position: Position): void {
    const seen = this.#byFilter.get(filter);
    if (seen === undefined || seen.at !== position || seen.rids.size >= MOST)
      this.#byFilter.set(filter, { at: position, rids: new Set([rid]) });
    else seen.rids.add(rid);
  }
}
