/**
 * The value that an operation of a FHIRPath Patch carries, and adding it to an object.
 * https://hl7.org/fhir/R4/fhirpatch.html (examples of values and of anonymous types)
 *
 *   { name: value, valueHumanName: {…} }                        a data type
 *   { name: value, part: [{ name: relationship, value… }, …] }  a backbone element, member by member
 *
 * Invariant: a value is written only under a property whose type it can be.
 */
import type { Definitions } from '../definitions/definitions.js';
import { isObject, type JsonObject, type JsonValue } from '../format/json.js';
import type { Property } from '../properties.js';
import { lengthAt, propertiesNamed } from './locate.js';
import { failed, invalid } from './problem.js';
import { copyOf } from './working-copy.js';
import { type Content, insertAt, isPresent, putAt } from './write-place.js';

/** Quantity and its specialisations: one shape. */
const QUANTITIES: ReadonlySet<string> = new Set([
  'Quantity',
  'Age',
  'Count',
  'Distance',
  'Duration',
  'MoneyQuantity',
  'SimpleQuantity',
]);

/** The value of a part as JSON has it: `valueCode` → its text. */
export function plainValue(part: JsonObject): JsonValue | undefined {
  const suffix = suffixOf(part);
  return suffix === undefined ? undefined : part[`value${suffix}`];
}

/** Adds a member: to the end of a list, or where nothing stands yet. */
export function addMember(
  definitions: Definitions,
  owner: JsonObject,
  type: string,
  name: string,
  part: JsonObject,
): void {
  const { property, content } = readMember(definitions, type, name, part);
  if (property.element.max > 1) {
    insertAt(owner, property, lengthAt(owner, property), content);
    return;
  }
  const { element } = property;
  if (propertiesNamed(definitions, type, element.name).some((candidate) => isPresent(owner, candidate))) {
    throw failed('adds an element that is there already and does not repeat: use replace.');
  }
  putAt({ owner, property }, content);
}

/** Under which property of a type a value goes, and what it is there. */
export function readMember(
  definitions: Definitions,
  type: string,
  name: string,
  part: JsonObject,
): { readonly property: Property; readonly content: Content } {
  const candidates = propertiesNamed(definitions, type, name);
  if (candidates.length === 0) throw invalid(`names an element that ${type} does not have.`);
  const suffix = suffixOf(part);
  const property = candidates.find(
    (candidate) => !candidate.element.choice || candidate.name === `${candidate.element.name}${suffix ?? ''}`,
  );
  if (property === undefined) throw wrongType(type, candidates[0]?.element.name ?? '');
  return { property, content: readContent(definitions, property, type, part) };
}

function readContent(definitions: Definitions, property: Property, owner: string, part: JsonObject): Content {
  const suffix = suffixOf(part);
  if (suffix !== undefined) {
    if (!fits(definitions, suffix, property)) throw wrongType(owner, property.element.name);
    const [value, sibling] = [part[`value${suffix}`], part[`_value${suffix}`]];
    return {
      ...(value === undefined ? {} : { value: copyOf(value) }),
      ...(isObject(sibling) && property.primitive ? { sibling: copyOf(sibling) } : {}),
    };
  }
  if (isObject(part.resource)) {
    if (property.type !== 'Resource') throw wrongType(owner, property.element.name);
    return { value: copyOf(part.resource) };
  }
  if (!Array.isArray(part.part))
    throw invalid('has a part without a value: give it value[x], part or resource.');
  if (property.primitive || property.type === 'Resource') throw wrongType(owner, property.element.name);
  return { value: anonymous(definitions, property.type, part.part) };
}

function anonymous(definitions: Definitions, type: string, parts: readonly JsonValue[]): JsonObject {
  const object: JsonObject = {};
  for (const part of parts) {
    if (!isObject(part) || typeof part.name !== 'string') throw invalid('has a part without a name.');
    addMember(definitions, object, type, part.name, part);
  }
  return object;
}

/** `HumanName` of `valueHumanName` or, where only a sibling is there, of `_valueHumanName`. */
function suffixOf(part: JsonObject): string | undefined {
  for (const key of Object.keys(part)) {
    const found = /^_?value([A-Z]\w*)$/.exec(key);
    if (found !== null) return found[1];
  }
  return undefined;
}

function fits({ primitives }: Definitions, suffix: string, { type, primitive }: Property): boolean {
  const given = primitives.get(`${suffix.charAt(0).toLowerCase()}${suffix.slice(1)}`);
  // Which text a primitive takes is for the validator to say: `valueString` is often sent for a code or a uri.
  if (given !== undefined || primitive)
    return given !== undefined && given.json === primitives.get(type)?.json;
  return suffix === type || (QUANTITIES.has(suffix) && QUANTITIES.has(type));
}

function wrongType(owner: string, element: string): Error {
  return invalid(`has a value of a type that ${owner}.${element} cannot take.`);
}
