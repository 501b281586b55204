/**
 * Paths of a FHIRPath Patch → places in a resource: not values but where they stand, so that they can be written.
 * https://hl7.org/fhir/R4/fhirpath.html
 *
 *   Patient.name[0].given[1]  ──▶  owner = the first name, property given, index 1
 *
 * Invariant: a place stays true as long as nothing before it in its list is changed; each operation locates anew.
 */
import type { Definitions } from '../definitions/definitions.js';
import {
  isNumber,
  isObject,
  type JsonObject,
  type JsonValue,
  literalOf,
  type ResourceObject,
} from '../format/json.js';
import { sameNumber } from '../primitives/decimal.js';
import { type Property, propertiesOf } from '../properties.js';
import type { Criterion, Literal, Path, Step } from './path-expression.js';
import { failed, invalid } from './problem.js';

export interface Place {
  /** The object that holds the property. */
  readonly owner: JsonObject;
  readonly ownerType: string;
  readonly property: Property;
  /** In a list. */
  readonly index?: number;
}

/** An element of the resource; the resource itself has no place. */
export interface Node {
  readonly type: string;
  readonly value: JsonValue | undefined;
  readonly place?: Place;
}

export interface Draft {
  readonly root: ResourceObject;
  readonly definitions: Definitions;
}

/** All elements that a path leads to, in their order. */
export function locate(draft: Draft, path: Path): readonly Node[] {
  const { resourceType } = draft.root;
  if (path.root !== undefined && ![resourceType, 'Resource', 'DomainResource'].includes(path.root)) {
    throw invalid(`has a path that begins with another type: this resource is of type ${resourceType}.`);
  }
  return follow(draft, [{ type: resourceType, value: draft.root }], path.steps);
}

/** The one element that a path leads to. */
export function locateOne(draft: Draft, path: Path): Node {
  const [node, another] = locate(draft, path);
  if (node === undefined) throw failed('has a path that leads to no element of the resource.');
  if (another !== undefined) throw several();
  return node;
}

export function several(): Error {
  return failed('has a path that leads to several elements: choose one by [index] or where().');
}

/** The object in which an element's members stand: a primitive's are beside it, in `_name`. */
export function membersOf({ value, place }: Node): JsonObject | undefined {
  if (place?.property.primitive !== true) return isObject(value) ? value : undefined;
  const sibling = place.owner[`_${place.property.name}`];
  const own = Array.isArray(sibling) ? sibling[place.index ?? 0] : sibling;
  return isObject(own) ? own : undefined;
}

/** JSON properties of a type that its element of that name can be: several for a choice. */
export function propertiesNamed(definitions: Definitions, type: string, name: string): readonly Property[] {
  return [...propertiesOf(definitions)(type).values()].filter(
    (property) => !property.sibling && (property.element.name === name || property.name === name),
  );
}

/** Items of a list, or of what may be one: values and siblings together. */
export function lengthAt(owner: JsonObject, { name }: Property): number {
  const lists = [owner[name], owner[`_${name}`]];
  return Math.max(...lists.map((list) => (Array.isArray(list) ? list.length : 0)));
}

/** What evaluating needs of a draft: elements that are only judged have none. */
type Known = Pick<Draft, 'definitions'>;

export function follow(draft: Known, start: readonly Node[], steps: readonly Step[]): readonly Node[] {
  let nodes = start;
  for (const step of steps) nodes = taken(draft, nodes, step);
  return nodes;
}

function taken(draft: Known, nodes: readonly Node[], step: Step): readonly Node[] {
  switch (step.kind) {
    case 'member':
      return nodes.flatMap((node) => members(draft, node, step.name));
    case 'item': {
      const item = nodes.at(step.index);
      return item === undefined ? [] : [item];
    }
    case 'single':
      if (nodes.length > 1) throw several();
      return nodes;
    case 'where':
      return nodes.filter((node) => holds(draft, node, step.criterion));
    case 'of-type':
      return nodes.filter((node) => node.type === step.type);
    case 'extension':
      return nodes
        .flatMap((node) => members(draft, node, 'extension'))
        .filter(({ value }) => isObject(value) && value.url === step.url);
  }
}

function members({ definitions }: Known, node: Node, name: string): readonly Node[] {
  const owner = membersOf(node);
  if (owner === undefined) return [];
  return propertiesNamed(definitions, node.type, name).flatMap((property) =>
    elementsAt(owner, node.type, property),
  );
}

function elementsAt(owner: JsonObject, ownerType: string, property: Property): readonly Node[] {
  const value = owner[property.name];
  const sibling = property.primitive ? owner[`_${property.name}`] : undefined;
  if (!Array.isArray(value) && !Array.isArray(sibling)) {
    return value === undefined && sibling === undefined
      ? []
      : [nodeAt(value, { owner, ownerType, property })];
  }
  return Array.from({ length: lengthAt(owner, property) }, (_, index) =>
    nodeAt(Array.isArray(value) ? value[index] : undefined, { owner, ownerType, property, index }),
  );
}

function nodeAt(value: JsonValue | undefined, place: Place): Node {
  const { type } = place.property;
  const actual = type === 'Resource' && isObject(value) ? value.resourceType : type;
  return { type: typeof actual === 'string' ? actual : type, value, place };
}

export function holds(draft: Known, node: Node, criterion: Criterion): boolean {
  switch (criterion.kind) {
    case 'and':
      return holds(draft, node, criterion.left) && holds(draft, node, criterion.right);
    case 'or':
      return holds(draft, node, criterion.left) || holds(draft, node, criterion.right);
    case 'exists':
      return below(draft, node, criterion.path).length > 0;
    case 'empty':
      return below(draft, node, criterion.path).length === 0;
    case 'true': {
      const [only, ...others] = below(draft, node, criterion.path);
      return only?.value === true && others.length === 0;
    }
    case 'compare': {
      const found = below(draft, node, criterion.path);
      const same = found.length === 1 && isLiteral(found[0]?.value, criterion.literal);
      return found.length > 0 && same !== criterion.negated;
    }
  }
}

function below(draft: Known, node: Node, path: Path): readonly Node[] {
  return path.root !== undefined && path.root !== node.type ? [] : follow(draft, [node], path.steps);
}

function isLiteral(value: JsonValue | undefined, literal: Literal): boolean {
  if (literal.kind !== 'number') return value === literal.value;
  return isNumber(value) && sameNumber(literalOf(value), literal.value);
}
