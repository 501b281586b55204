/**
 * Writing at a place of a resource, where a primitive is two things in JSON: the value and, beside it, `_name` with its
 * id and extensions.
 * https://hl7.org/fhir/R4/json.html#primitive
 *
 *   "given":  ["A", null],     index 1 has no value,
 *   "_given": [null, {…}]      but extensions
 *
 * Invariant: lists of values and of siblings keep the same places; what a removal empties is noted for pruning.
 */
import type { JsonArray, JsonObject, JsonValue } from '../format/json.js';
import type { Property } from '../properties.js';
import { lengthAt } from './locate.js';
import type { Emptied } from './working-copy.js';

/** Where to write; `index` in a list. */
export interface Spot {
  readonly owner: JsonObject;
  readonly property: Property;
  readonly index?: number;
}

/** An element's value, its sibling, or both. */
export interface Content {
  readonly value?: JsonValue;
  readonly sibling?: JsonObject;
}

export function isPresent(owner: JsonObject, { name, primitive }: Property): boolean {
  return owner[name] !== undefined || (primitive && owner[`_${name}`] !== undefined);
}

/** Writes over what stands at a place, value and sibling. */
export function putAt({ owner, property, index }: Spot, content: Content): void {
  for (const [key, part] of partsOf(property, content)) {
    const list = owner[key];
    if (index !== undefined && (part !== undefined || Array.isArray(list))) {
      const items = listAt(owner, key, index + 1);
      items[index] = part ?? null;
      if (items.every((item) => item === null)) delete owner[key];
    } else if (part !== undefined) owner[key] = part;
    else delete owner[key];
  }
}

/** Moves the rest of the list up. `index` is its length at most. */
export function insertAt(owner: JsonObject, property: Property, index: number, content: Content): void {
  const length = lengthAt(owner, property);
  for (const [key, part] of partsOf(property, content)) {
    if (part === undefined && owner[key] === undefined) continue;
    listAt(owner, key, length).splice(index, 0, part ?? null);
  }
}

/** What was there; a list or object that this empties is noted. */
export function removeAt({ owner, property, index }: Spot, emptied: Emptied): Content {
  const [value, sibling] = partsOf(property, {}).map(([key]) => removePart(owner, key, index, emptied));
  emptied.add(owner);
  return {
    ...(value === undefined || value === null ? {} : { value }),
    // Beside a value stands an object or, in a list, null.
    ...(sibling === undefined || sibling === null ? {} : { sibling: sibling as JsonObject }),
  };
}

function removePart(
  owner: JsonObject,
  key: string,
  index: number | undefined,
  emptied: Emptied,
): JsonValue | undefined {
  const part = owner[key];
  if (index === undefined || !Array.isArray(part)) {
    delete owner[key];
    return part;
  }
  const [removed] = part.splice(index, 1);
  if (part.every((item) => item === null)) part.length = 0;
  emptied.add(part);
  return removed;
}

function partsOf(
  { name, primitive }: Property,
  { value, sibling }: Content,
): readonly (readonly [key: string, part: JsonValue | undefined])[] {
  return primitive
    ? [
        [name, value],
        [`_${name}`, sibling],
      ]
    : [[name, value]];
}

/** The list under a key, made where there is none, with nulls up to a length. */
function listAt(owner: JsonObject, key: string, length: number): JsonArray {
  const found = owner[key];
  const list: JsonArray = Array.isArray(found) ? found : [];
  while (list.length < length) list.push(null);
  owner[key] = list;
  return list;
}
