/**
 * An object of the answer while it is put together: what comes under one name is collated.
 * https://hl7.org/fhir/R4/graphql.html#flattening
 *
 * Invariant: values under one name are of one type; a name whose values cannot stand as they were asked for is an error
 * of the answer, never a value left out.
 */
import type { JsonObject, JsonValue } from '../../fhir/format/json.js';

interface Entry {
  readonly type: string;
  readonly values: JsonValue[];
  list: boolean;
  readonly singleton: boolean;
}

/** How values stand under their name. */
export interface Manner {
  readonly type: string;
  readonly list: boolean;
  readonly singleton: boolean;
}

export class Collation {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly refuse: (key: string, text: string) => void) {}

  /** Makes the name known, so that a list may stay empty. */
  open(key: string, { type, list, singleton }: Manner): Entry | undefined {
    const known = this.#entries.get(key);
    if (known === undefined) {
      const entry: Entry = { type, values: [], list, singleton };
      this.#entries.set(key, entry);
      return entry;
    }
    if (known.type !== type) {
      this.refuse(key, `${known.type} and ${type} come together under this name: give one of them an alias.`);
      return undefined;
    }
    known.list ||= list;
    return known;
  }

  add(key: string, value: JsonValue, manner: Manner): void {
    this.open(key, manner)?.values.push(value);
  }

  object(): JsonObject {
    return Object.fromEntries([...this.#entries].map(([key, entry]) => [key, this.#value(key, entry)]));
  }

  #value(key: string, { values, list, singleton }: Entry): JsonValue {
    const [first = null, ...others] = values;
    if (singleton && others.length > 0) {
      this.refuse(key, 'there are several values where @singleton says that there is one.');
      return null;
    }
    return !singleton && (list || others.length > 0) ? values : first;
  }
}
