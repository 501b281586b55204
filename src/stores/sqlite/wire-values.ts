/**
 * Index values as JSON text between threads. JSON has no infinities: an open end becomes null on the way.
 */
import type { IndexValue } from '../../fhir/search/index-value.js';

export function valuesText(values: readonly IndexValue[]): string {
  return JSON.stringify(values);
}

export function valuesOf(text: string): readonly IndexValue[] {
  // The text was made by valuesText; the look for a null spares nearly all texts the slower way.
  return (text.includes(':null') ? JSON.parse(text, openEnd) : JSON.parse(text)) as IndexValue[];
}

function openEnd(key: string, value: unknown): unknown {
  if (value !== null) return value;
  return key === 'lo' ? Number.NEGATIVE_INFINITY : key === 'hi' ? Number.POSITIVE_INFINITY : value;
}
