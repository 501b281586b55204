/**
 * The pasts of the page sequences that were asked for lately: a later page goes on where the one before left off.
 *
 * Invariant: a past that was forgotten is made again by whoever asks, with the same outcome. After a purge all are made again,
 * without what is gone.
 */
import { createHash } from 'node:crypto';
import { writeShared } from '../../base/shared-json.js';
import type { SearchQuery } from '../../fhir/search/query.js';
import { hasTest } from '../../fhir/search/tree.js';
import { withWords } from '../../fhir/search/words.js';
import type { AccessFilter } from '../../ports/access-filter.js';
import type { SearchRequest } from '../../ports/backend.js';
import { Past, type PastParts, type Sequence } from './past.js';
import type { Order } from './search/order.js';
import { readPageKey } from './search/page-key.js';
import type { Edge } from './search/search.js';

const REMEMBERED = 32;

export class Pasts {
  readonly #parts: PastParts;
  readonly #known = new Map<string, Past>();

  constructor(parts: PastParts) {
    this.#parts = parts;
  }

  /** Of the sequence that a page as of a position belongs to; undefined for a page of now. `order`: of a first page. */
  of({ query, access, asOf }: SearchRequest, edge: Edge | undefined, order: () => Order): Past | undefined {
    return asOf === undefined
      ? undefined
      : this.#past({
          query,
          access,
          asOf,
          order: edge === undefined ? order() : readPageKey(edge.key, query).order,
        });
  }

  #past({ query, access, asOf, order }: Sequence): Past {
    const { view } = this.#parts;
    view.refresh();
    const name = `${JSON.stringify([view.purgedAt, asOf, order, query])} ${nameOf(access)}`;
    const known = this.#known.get(name);
    const past = known ?? new Past(this.#partsFor(query), { query, access, asOf, order });
    this.#known.delete(name);
    this.#known.set(name, past); // the oldest come first
    const oldest = this.#known.keys().next().value;
    if (this.#known.size > REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    return past;
  }

  /** Words are taken from the whole resource, so only where they are asked for. */
  #partsFor(query: SearchQuery): PastParts {
    const isByWords = query.parts.some(({ where }) => hasTest(where, 'words'));
    return isByWords ? { ...this.#parts, indexer: withWords(this.#parts.indexer) } : this.#parts;
  }
}

/** Filters are large, and live as long as the decision that they are of: each is looked at once. */
const NAMES = new WeakMap<AccessFilter, string>();

function nameOf(access: AccessFilter): string {
  const name = NAMES.get(access) ?? createHash('sha256').update(writeShared(access)).digest('base64');
  NAMES.set(access, name);
  return name;
}
