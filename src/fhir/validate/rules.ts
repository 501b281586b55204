/**
 * Invariants of data types that structure decides and that the other keywords cannot say.
 * https://hl7.org/fhir/R4/extensibility.html#Extension (ext-1)
 */
import type { JsonObject } from '../format/json.js';

export interface Rule {
  /** Name of the type that it belongs to. */
  readonly type: string;
  holds(object: JsonObject): boolean;
  /** The rest of a sentence that begins with the place. */
  readonly text: string;
}

export const RULES: Readonly<Record<string, Rule>> = {
  'ext-1': {
    type: 'Extension',
    holds: (extension) => (extension.extension !== undefined) !== hasValue(extension),
    text: 'must have either a value[x] or nested extensions: not both, and not neither',
  },
};

export function rulesOf(type: string): readonly string[] {
  return Object.keys(RULES).filter((name) => RULES[name]?.type === type);
}

function hasValue(extension: JsonObject): boolean {
  for (const property in extension) {
    if (property.startsWith('value') || property.startsWith('_value')) return true;
  }
  return false;
}
