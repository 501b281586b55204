/**
 * The date parameter by which resources of a type are ordered: when the thing happened, else when it was written down.
 *
 * Invariant: it has at most one value per resource, so that the order is a total one.
 */
import type { SearchParameter } from './definitions.js';

/** By code, the best first. Dates of birth and death order people by nothing that a chart is read by: not here. */
// biome-ignore format: a list of words
const PREFERENCE: readonly string[] = [
  'date', 'onset-date', 'authoredon', 'authored-on', 'authored', 'effective', 'effective-time', 'whenhandedover', 'occurrence',
  'start', 'started', 'start-date', 'collected', 'recorded', 'recorded-date', 'sent', 'created', 'issued', 'datetime', 'period',
  'datewritten', 'identified', 'timestamp',
];

export function primaryDate(parameters: readonly SearchParameter[]): string | undefined {
  const dates = new Map(
    parameters.filter(({ type, repeats }) => type === 'date' && !repeats).map((own) => [own.code, own]),
  );
  return PREFERENCE.find((code) => dates.has(code));
}
