/**
 * What resources are sorted by, so that stores, `match` and tests agree on every order.
 * https://hl7.org/fhir/R4/search.html#sort
 *
 * Invariants: of several values the least counts when ascending and the greatest when descending; a range counts by its
 * lower end; a resource without a value comes last in both directions. Texts compare by code points, as UTF-8 does.
 */
import { unreachable } from '../../base/assert.js';
import type { IndexValue } from './index-value.js';
import type { Identity } from './match.js';
import type { SortKey } from './query.js';

/** undefined = no value. */
export type Sortable = string | number | undefined;

export function sortKeyOf(values: readonly IndexValue[], identity: Identity, key: SortKey): Sortable {
  if (key.param === '_id') return identity.id;
  if (key.param === '_lastUpdated') return identity.lastUpdated;
  let chosen: Sortable;
  for (const value of values) {
    if (value.param !== key.param || value.kind !== key.kind) continue;
    const sortable = sortableOf(value);
    const order = compareSortable(sortable, chosen, key.descending);
    if (order < 0) chosen = sortable;
  }
  return chosen;
}

/** Negative: `a` comes first. */
export function compareSortable(a: Sortable, b: Sortable, descending: boolean): number {
  if (a === undefined) return b === undefined ? 0 : 1;
  if (b === undefined) return -1;
  const order = typeof a === 'string' && typeof b === 'string' ? compareText(a, b) : compareNumber(a, b);
  return descending ? -order : order;
}

function sortableOf(value: IndexValue): Sortable {
  switch (value.kind) {
    case 'token':
      return value.code;
    case 'string':
      return value.folded;
    case 'date':
    case 'number':
    case 'quantity':
      return value.lo;
    case 'reference':
      return value.target.kind === 'local' ? `${value.target.type}/${value.target.id}` : value.target.url;
    case 'uri':
      return value.value;
    case 'text':
    case 'position':
    case 'words':
    case 'composite':
    case 'contained':
      return undefined;
    default:
      return unreachable(value);
  }
}

/** Without a difference, which two infinities do not have. */
function compareNumber(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Order of UTF-8 bytes. UTF-16 differs from it only where a surrogate (a character past U+FFFF) meets one of U+E000 to
 * U+FFFF.
 */
export function compareText(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right)
      return isSurrogate(left) === isSurrogate(right) ? left - right : isSurrogate(left) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
