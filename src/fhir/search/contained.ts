/**
 * Contained resources as searches see them: each has an identity of its own, which no resource of the REST interface can
 * have, and which says where it is contained.
 * https://hl7.org/fhir/R4/search.html#contained, https://hl7.org/fhir/R4/references.html#contained
 *
 *   MedicationRequest/23 ── @contains ──▶ #Medication  MedicationRequest/23#m1
 *                        ◀── @container ──
 *
 * - A part of a query on `#Medication` asks for contained Medications, by the same parameters as on stored ones.
 * - A chain is evaluated inside contained resources, as R4 has it: `medication.code` leads to stored Medications and to
 *   those that the MedicationRequest contains. `_has` looks for stored resources alone.
 * - What contains a resource decides who may see it, and in which compartments it is.
 * - `_id` of a contained resource is its local id; `_lastUpdated` that of what contains it.
 * - `_text`, `_content` and custom search parameters find stored resources alone.
 *
 * Invariant: a contained resource is reached by what names it (a part on its type, `#id` inside of its container) and by
 * nothing else.
 */
import type { ContainedValue, IndexValue } from './index-value.js';
import type { Candidate, Identity } from './match.js';
import type { Predicate, QueryPart } from './query.js';
import { anyOf } from './tree.js';

/** From the container to what it contains. */
export const CONTAINS = '@contains';
/** From a contained resource to its container. */
export const CONTAINER = '@container';
/** Of contained resources: their local ids. */
export const LOCAL_ID = '_id';

export interface Key {
  readonly type: string;
  readonly id: string;
}

/** Begins the types of contained resources, and stands before local ids. */
export const MARK = '#';

export function containedType(type: string): string {
  return `${MARK}${type}`;
}

export function isContainedType(type: string): boolean {
  return type.startsWith(MARK);
}

/** The resource type of what stands under a type of the index, contained or not. */
export function resourceTypeOf(type: string): string {
  return isContainedType(type) ? type.slice(MARK.length) : type;
}

/** `type` is the resource type. */
export function containedKey(container: Key, type: string, localId: string): Key {
  return { type: containedType(type), id: `${container.type}/${container.id}${MARK}${localId}` };
}

/** Undefined: the key is that of a stored resource. */
export function placeOf({
  type,
  id,
}: Key): { readonly container: Key; readonly localId: string } | undefined {
  if (!isContainedType(type)) return undefined;
  const [slash, mark] = [id.indexOf('/'), id.indexOf(MARK)];
  const container = { type: id.slice(0, slash), id: id.slice(slash + 1, mark) };
  return { container, localId: id.slice(mark + MARK.length) };
}

/** Contained resources of one container, as one stretch of ids: from the first id on, up to the second. */
export function idsContainedIn({ type, id }: Key): readonly [from: string, to: string] {
  return [`${type}/${id}${MARK}`, `${type}/${id}$`]; // the sign next to the mark
}

/** A predicate on stored resources, put to contained ones. */
function onContained(where: Predicate): Predicate {
  switch (where.op) {
    case 'and':
    case 'or':
      return { op: where.op, of: where.of.map(onContained) };
    case 'not':
      return { op: 'not', of: onContained(where.of) };
    case 'id':
      return anyOf(
        where.ids.map((code) => ({
          op: 'value',
          param: LOCAL_ID,
          test: { kind: 'token', system: '', code },
        })),
      );
    default:
      return where;
  }
}

/** Where a chain may lead: to resources of its types, and to contained ones of these types. */
export function chainEnds({ param, targets }: Predicate & { readonly op: 'chain' }): readonly QueryPart[] {
  if (param === CONTAINS || param === CONTAINER) return targets;
  return [...targets, ...targets.map(containedPart)];
}

export function containedPart({ type, where }: QueryPart): QueryPart {
  return { type: containedType(type), where: onContained(where) };
}

/** What a resource with these values contains; it was changed when the resource was. */
export function containedIn(values: readonly IndexValue[], { lastUpdated }: Identity): readonly Candidate[] {
  return values.filter(isContained).map(({ type, id, values: own }) => ({
    identity: { type, id, lastUpdated },
    values: own,
  }));
}

function isContained(value: IndexValue): value is ContainedValue {
  return value.kind === 'contained';
}
