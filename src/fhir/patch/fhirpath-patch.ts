/**
 * FHIRPath Patch: operations of a Parameters resource, carried out on a copy of the resource.
 * https://hl7.org/fhir/R4/fhirpatch.html
 *
 * Invariant: all operations or none; a path leads to one element of this resource, but for delete, which may find none.
 */
import { unreachable } from '../../base/assert.js';
import type { Definitions } from '../definitions/definitions.js';
import type { JsonObject, JsonValue, ResourceObject } from '../format/json.js';
import { Refusal } from '../outcome.js';
import type { Property } from '../properties.js';
import { issueOf, type Operation, readOperations } from './fhirpath-operations.js';
import {
  type Draft,
  lengthAt,
  locate,
  locateOne,
  membersOf,
  type Node,
  type Place,
  propertiesNamed,
  several,
} from './locate.js';
import { addMember, readMember } from './patch-value.js';
import type { Path } from './path-expression.js';
import { failed, invalid, Problem } from './problem.js';
import { copyOf, type Emptied, finished } from './working-copy.js';
import { insertAt, putAt, removeAt } from './write-place.js';

interface PatchDraft extends Draft {
  readonly emptied: Emptied;
}

type Of<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

export function applyFhirPathPatch(
  resource: ResourceObject,
  parameters: JsonValue,
  definitions: Definitions,
): ResourceObject {
  const operations = readOperations(parameters);
  const draft: PatchDraft = { root: copyOf(resource), definitions, emptied: new Set() };
  for (const operation of operations) {
    try {
      carryOut(draft, operation);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { kind, number } = operation;
      throw new Refusal(error.kind, [issueOf(error, `Operation ${number} (${kind})`, number)]);
    }
  }
  return finished(resource, draft.root, draft.emptied);
}

function carryOut(draft: PatchDraft, operation: Operation): void {
  switch (operation.kind) {
    case 'add':
      add(draft, operation);
      break;
    case 'insert':
      insert(draft, operation);
      break;
    case 'delete':
      remove(draft, operation);
      break;
    case 'replace':
      replace(draft, operation);
      break;
    case 'move':
      move(draft, operation);
      break;
    default:
      unreachable(operation);
  }
}

function add(draft: PatchDraft, { path, name, value }: Of<'add'>): void {
  const node = locateOne(draft, path);
  addMember(draft.definitions, membersOf(node) ?? newSibling(node), node.type, name, value);
}

function insert(draft: PatchDraft, { path, index, value }: Of<'insert'>): void {
  const { owner, property, ownerType } = listOf(draft, path);
  if (index > lengthAt(owner, property)) throw failed('inserts past the end of the list.');
  const { content } = readMember(draft.definitions, ownerType, property.name, value);
  insertAt(owner, property, index, content);
}

function remove(draft: PatchDraft, { path }: Of<'delete'>): void {
  const [node, another] = locate(draft, path);
  if (another !== undefined) throw several();
  if (node !== undefined) removeAt(placeOf(node), draft.emptied);
}

function replace(draft: PatchDraft, { path, value }: Of<'replace'>): void {
  const place = placeOf(locateOne(draft, path));
  const { name } = place.property.element;
  const { property, content } = readMember(draft.definitions, place.ownerType, name, value);
  // Another type of a choice is another property.
  if (property.name !== place.property.name) removeAt(place, draft.emptied);
  putAt({ ...place, property }, content);
}

function move(draft: PatchDraft, { path, source, destination }: Of<'move'>): void {
  const { owner, property } = listOf(draft, path);
  const length = lengthAt(owner, property);
  if (source >= length || destination >= length)
    throw failed('moves from or to a place past the end of the list.');
  const content = removeAt({ owner, property, index: source }, draft.emptied);
  insertAt(owner, property, destination, content);
}

function placeOf({ place }: Node): Place {
  if (place === undefined)
    throw invalid('has a path that leads to the resource itself: name an element of it.');
  return place;
}

interface List {
  readonly owner: JsonObject;
  readonly ownerType: string;
  readonly property: Property;
}

/** The list that a path ends with; it may have no items yet. */
function listOf(draft: PatchDraft, path: Path): List {
  const last = path.steps.at(-1);
  if (last?.kind !== 'member') throw invalid('has a path that does not end with the name of a list.');
  const node = locateOne(draft, { ...path, steps: path.steps.slice(0, -1) });
  const [property] = propertiesNamed(draft.definitions, node.type, last.name);
  if (property === undefined) throw invalid(`names an element that ${node.type} does not have.`);
  if (property.element.max <= 1) throw invalid(`names an element of ${node.type} that does not repeat.`);
  return { owner: membersOf(node) ?? newSibling(node), ownerType: node.type, property };
}

/** Gives a primitive the object beside it in which its extensions stand. */
function newSibling(node: Node): JsonObject {
  const sibling: JsonObject = {};
  const place = placeOf(node);
  const { value } = node;
  putAt(place, value === undefined ? { sibling } : { value, sibling });
  return sibling;
}
