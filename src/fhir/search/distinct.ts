/**
 * Index values without duplicates, in their first order.
 *
 * Invariant: values of one parameter mostly stand together and are few, so they are compared pairwise; long runs (a
 * questionnaire's codes) go through a set of their texts.
 */
import type { IndexValue, ReferenceTarget } from './index-value.js';

const LONG = 64;

export function distinct(values: readonly IndexValue[]): readonly IndexValue[] {
  if (values.length > LONG) return distinctByText(values);
  const kept: IndexValue[] = [];
  for (const value of values) if (!holds(kept, value)) kept.push(value);
  return kept;
}

function distinctByText(values: readonly IndexValue[]): readonly IndexValue[] {
  const seen = new Map<string, IndexValue>();
  for (const value of values) {
    const text = JSON.stringify(value, infinities);
    if (!seen.has(text)) seen.set(text, value);
  }
  return [...seen.values()];
}

/** JSON would write both infinities as null. */
function infinities(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function holds(kept: readonly IndexValue[], value: IndexValue): boolean {
  for (let at = kept.length - 1; at >= 0; at--) if (same(kept[at] as IndexValue, value)) return true; // at is inside
  return false;
}

function same(a: IndexValue, b: IndexValue): boolean {
  if (a.param !== b.param || a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'token':
      return b.kind === 'token' && a.code === b.code && a.system === b.system;
    case 'string':
      return b.kind === 'string' && a.exact === b.exact;
    case 'date':
    case 'number':
      return b.kind === a.kind && a.lo === b.lo && a.hi === b.hi;
    case 'quantity':
      return b.kind === 'quantity' && a.lo === b.lo && a.hi === b.hi && sameUnit(a, b);
    case 'reference':
      return b.kind === 'reference' && sameTarget(a.target, b.target);
    case 'uri':
      return b.kind === 'uri' && a.value === b.value;
    case 'composite':
      return b.kind === 'composite' && JSON.stringify(a, infinities) === JSON.stringify(b, infinities);
  }
}

interface Unit {
  readonly system: string;
  readonly code: string;
  readonly unit: string;
}

function sameUnit(a: Unit, b: Unit): boolean {
  return a.system === b.system && a.code === b.code && a.unit === b.unit;
}

function sameTarget(a: ReferenceTarget, b: ReferenceTarget): boolean {
  if (a.version !== b.version) return false;
  if (a.kind === 'local') return b.kind === 'local' && a.id === b.id && a.type === b.type;
  return b.kind === 'url' && a.url === b.url;
}
