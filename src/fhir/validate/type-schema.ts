/**
 * A FHIR type as a JSON Schema, in the vocabulary of keywords.ts.
 * https://hl7.org/fhir/R4/json.html
 *
 *   { typeName: 'Patient',
 *     elements: { gender:  { primitive: 'code', codes: 'http://hl7.org/fhir/ValueSet/administrative-gender' },
 *                 _gender: { fhirType: 'Element' },
 *                 name:    { many: { fhirType: 'HumanName' }, max: null },
 *                 deceasedBoolean: { choice: 'deceased', primitive: 'boolean' } … },
 *     mandatory: [], rules: [] }
 *
 * Invariant: a pure function of the definitions; a schema names other types, so that each compiles alone.
 */
import type { Definitions, TypeDefinition } from '../definitions/definitions.js';
import { type Property, propertiesOf } from '../properties.js';
import { rulesOf } from './rules.js';

export interface TypeSchema {
  readonly typeName: string;
  readonly elements: Readonly<Record<string, PlaceSchema>>;
  readonly mandatory: readonly Mandatory[];
  /** Keys of the table in rules.ts. */
  readonly rules: readonly string[];
}

/** An element without which the object is refused; any of its properties will do. */
export interface Mandatory {
  readonly element: string;
  readonly choice: boolean;
  readonly properties: readonly string[];
}

/** What may stand at a property; `true` = looked at elsewhere. */
export type PlaceSchema = true | ((OnePlace | ManyPlace) & { readonly choice?: string });

export type OnePlace =
  /** `codes`: URL of the code set that the value must be of. */
  | { readonly primitive: string; readonly codes?: string }
  | { readonly fhirType: string }
  | { readonly resource: 'contained' | 'whole' };

export interface ManyPlace {
  readonly many: OnePlace;
  /** null = any number. */
  readonly max: number | null;
  /** The property whose array runs beside this one: an item may be null where that one has something. */
  readonly beside?: string;
}

/** Checks that the definitions have no name for, since they call such elements strings. */
export const ELEMENT_ID = 'id of an element';
export const REFERENCE_TEXT = 'text of a reference';

export const SIBLING = 'Element';

export function typeSchema(definitions: Definitions, type: TypeDefinition): TypeSchema {
  const properties = [...propertiesOf(definitions)(type.name)].filter(([, property]) =>
    isAllowed(type.name, property),
  );
  const elements: Record<string, PlaceSchema> = type.kind === 'resource' ? { resourceType: true } : {};
  for (const [key, property] of properties) elements[key] = placeOf(definitions, type.name, property);
  const mandatory = type.elements
    .filter(({ min }) => min > 0)
    .map((element) => ({
      element: element.name,
      choice: element.choice,
      properties: properties.filter(([, property]) => property.element === element).map(([key]) => key),
    }));
  return { typeName: type.name, elements, mandatory, rules: rulesOf(type.name) };
}

/** The schema of what stands beside a primitive: what every element has. */
export function siblingSchema(definitions: Definitions): TypeSchema {
  const id = propertiesOf(definitions)('string').get('id');
  const extension = propertiesOf(definitions)('string').get('extension');
  const elements: Record<string, PlaceSchema> = {};
  for (const property of [id, extension]) {
    if (property !== undefined) elements[property.name] = placeOf(definitions, SIBLING, property);
  }
  return { typeName: SIBLING, elements, mandatory: [], rules: [] };
}

/** Ids, URLs of extensions and narratives are attributes or content in XML: nothing stands beside them. */
function isAllowed(owner: string, { element, type, sibling }: Property): boolean {
  if (!sibling) return true;
  return element.name !== 'id' && type !== 'xhtml' && !(owner === 'Extension' && element.name === 'url');
}

function placeOf(definitions: Definitions, owner: string, property: Property): PlaceSchema {
  const { element, name, sibling, primitive } = property;
  const one = onePlace(definitions, owner, property);
  const choice = element.choice ? { choice: element.name } : {};
  if (element.max <= 1) return { ...one, ...choice };
  const beside = primitive ? { beside: sibling ? name : `_${name}` } : {};
  return { many: one, max: Number.isFinite(element.max) ? element.max : null, ...beside, ...choice };
}

function onePlace(definitions: Definitions, owner: string, property: Property): OnePlace {
  const { element, type, primitive, sibling } = property;
  if (sibling) return { fhirType: SIBLING };
  if (type === 'Resource') return { resource: element.name === 'contained' ? 'contained' : 'whole' };
  if (!primitive) return { fhirType: type };
  if (element.name === 'id' && type === 'string') return { primitive: ELEMENT_ID };
  if (owner === 'Reference' && element.name === 'reference') return { primitive: REFERENCE_TEXT };
  const codes = type === 'code' ? element.requiredBinding : undefined;
  return codes !== undefined && definitions.codeSets.has(codes)
    ? { primitive: type, codes }
    : { primitive: type };
}
