/**
 * Index values without duplicates, in their first order.
 *
 * Values of one parameter are mostly few, so they are compared pairwise where they stand; long runs (a questionnaire's
 * codes) go through a map by their texts.
 */
import type { IndexValue, ReferenceTarget } from './index-value.js';

const LONG = 64;

/** Takes out of a list, from a place on, what stands there before. */
export function dropRepeated(values: IndexValue[], from: number): void {
  const added = values.length - from;
  if (added < 2) return;
  if (added > LONG) {
    for (const value of distinctByText(values.splice(from))) values.push(value);
    return;
  }
  let kept = from + 1;
  for (let at = from + 1; at < values.length; at++) {
    const value = values[at] as IndexValue; // at is inside
    if (stands(values, from, kept, value)) continue;
    values[kept] = value;
    kept += 1;
  }
  values.length = kept;
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

function stands(values: readonly IndexValue[], from: number, to: number, value: IndexValue): boolean {
  for (let at = from; at < to; at++) if (same(values[at] as IndexValue, value)) return true; // at is inside
  return false;
}

function same(a: IndexValue, b: IndexValue): boolean {
  if (a.kind !== b.kind || a.param !== b.param) return false;
  switch (a.kind) {
    case 'token':
      return b.kind === 'token' && a.code === b.code && a.system === b.system;
    case 'text':
      return b.kind === 'text' && a.folded === b.folded;
    case 'words':
      return b.kind === 'words' && a.words === b.words;
    case 'position':
      return b.kind === 'position' && a.latitude === b.latitude && a.longitude === b.longitude;
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
    case 'contained':
      return b.kind === 'contained' && a.type === b.type && a.id === b.id;
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
