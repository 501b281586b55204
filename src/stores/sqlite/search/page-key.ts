/**
 * Page keys: the order's name, the part of the query, and the keys of the match at the edge of a page.
 *
 * Invariant: a key comes back from JSON as it was; that has no infinities, which then travel as text.
 */
import { Refusal } from '../../../fhir/outcome.js';
import type { SearchQuery, SortKey } from '../../../fhir/search/query.js';
import type { PageKey } from '../../../ports/backend.js';
import type { Cell } from '../connection.js';
import { type Order, orderName, orderNamed } from './order.js';
import type { MatchKeys } from './run.js';

/** Where a match stands in its sequence. */
export interface Place {
  readonly part: number;
  readonly keys: MatchKeys;
}

export function pageKey(order: Order, { part, keys }: Place): PageKey {
  return [orderName(order), part, ...keys.map(written)];
}

/** The order in which the sequence began, and the place. Refused where the key is none of this query's. */
export function readPageKey(
  key: PageKey,
  query: SearchQuery,
): { readonly order: Order; readonly place: Place } {
  const [name, part, ...cells] = key;
  const order = orderNamed(name, query);
  if (order === undefined || typeof part !== 'number') {
    throw new Refusal('cursor-invalid', 'The page is of another search: start again at its first page.');
  }
  const kinds = order.kind === 'computed' ? order.keys : [];
  return { order, place: { part, keys: cells.map((cell, at) => read(cell, kinds[at])) } };
}

function written(cell: Cell): string | number | null {
  if (typeof cell === 'number' && !Number.isFinite(cell)) return String(cell);
  return typeof cell === 'object' ? null : cell; // no key is made of bytes
}

function read(cell: string | number | null, key: SortKey | undefined): Cell {
  const isNumber = key?.kind === 'number' || key?.kind === 'quantity';
  return isNumber && typeof cell === 'string' ? Number(cell) : cell;
}
