/**
 * Tables derived from the definitions: made when first asked for, kept as long as the definitions live.
 *
 * Invariant: definitions never change, so a derived value is a pure function of them, whoever asks first.
 */
import type { Definitions } from './definitions/definitions.js';

export function derived<T>(make: (definitions: Definitions) => T): (definitions: Definitions) => T {
  const made = new WeakMap<Definitions, { readonly value: T }>();
  return (definitions) => {
    let entry = made.get(definitions);
    if (entry === undefined) {
      entry = { value: make(definitions) };
      made.set(definitions, entry);
    }
    return entry.value;
  };
}
