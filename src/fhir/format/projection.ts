/**
 * Parts of a resource: `_summary` and `_elements`.
 * https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements
 *
 * Invariants: the result is tagged SUBSETTED once and is a copy; mandatory and modifier elements stay, so that it can
 * be read safely, and so do contained resources that they refer to; resources inside are whole or not there.
 */
import type { Definitions, ElementDefinition } from '../definitions/definitions.js';
import { propertiesOf } from '../properties.js';
import { rewriteLinks } from '../reference-walk.js';
import { isObject, type JsonObject, type JsonValue, type ResourceObject } from './json.js';

export interface ProjectionRequest {
  readonly summary?: 'true' | 'text' | 'data';
  /** Element names or paths: `name`, `Patient.name`, `name.family`. Those of other types and unknown ones have no effect. */
  readonly elements?: readonly string[];
}

/** What becomes of an element: all of it, nothing, or parts of it. `property` is its JSON name (`valueQuantity`). */
type Choose = (element: ElementDefinition, property: string) => 'whole' | 'none' | Choose;

export function project(
  resource: ResourceObject,
  definitions: Definitions,
  { summary, elements }: ProjectionRequest,
): ResourceObject {
  let result = resource;
  if (summary !== undefined) result = narrowed(result, SUMMARIES[summary], definitions);
  if (elements !== undefined && elements.length > 0) {
    result = narrowed(result, chosenOf(elementTree(resource.resourceType, elements)), definitions);
  }
  return result === resource ? resource : subsetted(withContained(result, resource, definitions));
}

/** Contained resources to which the parts that are left refer: a `#…` that leads nowhere is not FHIR. */
function withContained(
  result: ResourceObject,
  { contained }: ResourceObject,
  definitions: Definitions,
): ResourceObject {
  if (!Array.isArray(contained) || result.contained !== undefined) return result;
  const byLink = new Map(contained.filter(isResource).map((one) => [`#${one.id}`, one]));
  const kept = new Set<JsonValue>();
  const toFollow = [result];
  for (const resource of toFollow) {
    rewriteLinks(resource, definitions, ({ text }) => {
      const target = byLink.get(text);
      if (target === undefined || kept.has(target)) return undefined;
      kept.add(target);
      toFollow.push(target);
      return undefined;
    });
  }
  return kept.size === 0 ? result : { ...result, contained: contained.filter((one) => kept.has(one)) };
}

function isResource(value: JsonValue): value is ResourceObject {
  return isObject(value) && typeof value.resourceType === 'string';
}

const SUMMARIES: Readonly<Record<'true' | 'text' | 'data', Choose>> = {
  true: inSummary,
  text: ({ name, min }) => (min > 0 || ['id', 'meta', 'text'].includes(name) ? 'whole' : 'none'),
  data: ({ name }) => (name === 'text' ? 'none' : 'whole'),
};

/** Mandatory and modifier elements stay where they are not in the summary: without them the rest may mislead. */
function inSummary({ inSummary: listed, min, isModifier }: ElementDefinition): 'none' | Choose {
  return listed || min > 0 || isModifier ? inSummary : 'none';
}

/** The elements asked for; an empty tree stands for all of an element. */
type ElementTree = Map<string, ElementTree>;

function elementTree(resourceType: string, paths: readonly string[]): ElementTree {
  const tree: ElementTree = new Map();
  const whole = new Set<ElementTree>();
  for (const path of paths) {
    const names = path.split('.').map((name) => name.replace(/\[x\]$/, ''));
    if (names[0] === resourceType) names.shift();
    let node = tree;
    for (const name of names) {
      const below: ElementTree = node.get(name) ?? new Map();
      node.set(name, below);
      node = below;
    }
    whole.add(node);
  }
  for (const node of whole) if (node !== tree) node.clear();
  return tree;
}

function chosenOf(tree: ElementTree, atTop = true): Choose {
  return ({ name, min, isModifier }, property) => {
    const asked = tree.get(name) ?? tree.get(property);
    if (asked !== undefined) return asked.size === 0 ? 'whole' : chosenOf(asked, false);
    return min > 0 || isModifier || (atTop && (name === 'id' || name === 'meta')) ? 'whole' : 'none';
  };
}

function narrowed(resource: ResourceObject, choose: Choose, definitions: Definitions): ResourceObject {
  const { resourceType } = resource;
  return { resourceType, ...narrowedObject(resource, resourceType, choose, definitions) };
}

function narrowedObject(
  object: JsonObject,
  type: string,
  choose: Choose,
  definitions: Definitions,
): JsonObject {
  const properties = propertiesOf(definitions)(type);
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(object)) {
    const property = properties.get(key);
    if (property === undefined) continue;
    const choice = choose(property.element, property.name);
    if (choice === 'none') continue;
    const kept =
      choice === 'whole' || isWhole(property.type, property.primitive, choice, definitions)
        ? value
        : narrowedValue(value, property.type, choice, definitions);
    if (kept !== undefined) result[key] = kept;
    else if (property.element.min > 0) result[key] = value;
  }
  return result;
}

/** Types that have no summary of their own (Extension, Narrative, some backbones) are given whole. */
function isWhole(type: string, primitive: boolean, choice: Choose, definitions: Definitions): boolean {
  if (primitive || type === 'Resource') return true;
  const elements = definitions.dataTypes.get(type)?.elements ?? [];
  return (
    choice === inSummary &&
    !elements.some((element) => element.inSummary && element.name !== 'modifierExtension')
  );
}

/** Undefined where nothing is left: FHIR has no empty objects and lists. */
function narrowedValue(
  value: JsonValue,
  type: string,
  choose: Choose,
  definitions: Definitions,
): JsonValue | undefined {
  if (Array.isArray(value)) {
    const items = value
      .map((item) => narrowedValue(item, type, choose, definitions))
      .filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value)) return value;
  const result = narrowedObject(value, type, choose, definitions);
  return Object.keys(result).length === 0 ? undefined : result;
}

const SUBSETTED_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';

function subsetted({ resourceType, id, meta, ...rest }: ResourceObject): ResourceObject {
  const before = isObject(meta) ? meta : {};
  const tags = Array.isArray(before.tag) ? before.tag : [];
  const tagged = tags.some(
    (tag) => isObject(tag) && tag.system === SUBSETTED_SYSTEM && tag.code === 'SUBSETTED',
  );
  const tag = tagged ? tags : [...tags, { system: SUBSETTED_SYSTEM, code: 'SUBSETTED' }];
  return { resourceType, ...(id === undefined ? {} : { id }), meta: { ...before, tag }, ...rest };
}
