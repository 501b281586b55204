/**
 * The copy that a patch works on, and what holds for every patch whatever its language.
 * https://hl7.org/fhir/R4/http.html#patch
 *
 * Invariants: the resource given is never changed, so a patch that fails half-way leaves nothing behind; a removal leaves
 * no empty list or object, which FHIR does not have; resourceType, id and version stay.
 */
import {
  isObject,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  type ResourceObject,
} from '../format/json.js';
import { MAX_DEPTH } from '../format/parse.js';
import { Refusal } from '../outcome.js';

/** Containers from which something was removed; pruned at the end, as later operations may fill them again. */
export type Emptied = Set<JsonArray | JsonObject>;

export function copyOf<T extends JsonValue>(value: T): T;
export function copyOf(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item) => copyOf(item));
  if (!isObject(value)) return value;
  const copy = { ...value };
  for (const key of Object.keys(copy)) copy[key] = copyOf(copy[key] as JsonValue); // an own key has a value
  return copy;
}

/** Number of values in a tree, itself included; Infinity where it is nested deeper than any resource may be. */
export function sizeOf(value: JsonValue, depth = 0): number {
  if (!Array.isArray(value) && !isObject(value)) return 1;
  if (depth === MAX_DEPTH) return Number.POSITIVE_INFINITY;
  let size = 1;
  for (const member of Object.values(value)) {
    size += sizeOf(member, depth + 1);
    if (size === Number.POSITIVE_INFINITY) return size;
  }
  return size;
}

/** Drops, in place, the containers that are still empty, and those that become empty by that. */
function prune(value: JsonValue, emptied: Emptied): void {
  if (emptied.size === 0) return;
  if (Array.isArray(value)) for (const item of value) prune(item, emptied);
  if (!isObject(value)) return;
  for (const [key, member] of Object.entries(value)) {
    prune(member, emptied);
    if (Array.isArray(member)) pruneItems(member, key.startsWith('_'), emptied);
    if (isEmptied(member, emptied)) {
      delete value[key];
      emptied.add(value);
    }
  }
}

/** A list of siblings (`_given`) keeps its places by nulls, and ends when there is nothing else in it. */
function pruneItems(list: JsonArray, siblings: boolean, emptied: Emptied): void {
  if (!list.some((item) => isEmptied(item, emptied))) return;
  const before = list.length;
  const kept = siblings
    ? list.map((item) => (isEmptied(item, emptied) ? null : item))
    : list.filter((item) => !isEmptied(item, emptied));
  list.splice(0, before, ...(siblings && kept.every((item) => item === null) ? [] : kept));
  if (list.length < before) emptied.add(list);
}

function isEmptied(value: JsonValue, emptied: Emptied): boolean {
  if (Array.isArray(value)) return value.length === 0 && emptied.has(value);
  return isObject(value) && emptied.has(value) && Object.keys(value).length === 0;
}

/** The patched tree as a resource, if it still is the resource that it was. */
export function finished(before: ResourceObject, after: JsonValue, emptied: Emptied): ResourceObject {
  if (sizeOf(after) === Number.POSITIVE_INFINITY) {
    throw new Refusal('patch-invalid', `A patch cannot nest elements deeper than ${MAX_DEPTH} levels.`);
  }
  prune(after, emptied);
  if (!isObject(after) || after.resourceType !== before.resourceType || after.id !== before.id) {
    throw new Refusal(
      'patch-invalid',
      'A patch cannot change resourceType or id: delete and create instead.',
    );
  }
  const version = versionOf(after);
  if (version !== undefined && version !== versionOf(before)) {
    throw new Refusal(
      'patch-invalid',
      'A patch cannot set meta.versionId: the server counts versions itself.',
    );
  }
  return { ...after, resourceType: before.resourceType };
}

function versionOf(resource: JsonObject): JsonValue | undefined {
  return isObject(resource.meta) ? resource.meta.versionId : undefined;
}
