/**
 * What walks through a resource carry along, and the shape of the makers of index values: given a parameter's code,
 * the step that turns one JSON value of a known type into index values.
 *
 * Invariant: resources were validated before; what has another shape than its type is skipped, never an error.
 */
import type { JsonValue } from '../../format/json.js';
import type { IndexValue } from '../index-value.js';
import type { Step, Walk } from '../path/compile.js';
import type { Units } from '../units.js';

export interface Extraction extends Walk {
  readonly values: IndexValue[];
  /** Of compartments; several parameters can make the same one. */
  readonly memberships: IndexValue[];
  readonly units: Units;
}

export type Extract = Step<Extraction>;

/** Makers by element type; a type that is not listed has no values of that kind. */
export type ValueTable = Readonly<Record<string, (param: string) => Extract>>;

export function maker(table: ValueTable, type: string): ((param: string) => Extract) | undefined {
  return Object.hasOwn(table, type) ? table[type] : undefined;
}

/** The text of an element, or '' where there is none. */
export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
