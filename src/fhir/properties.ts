/**
 * Which JSON property of an object is which element of its type.
 * https://hl7.org/fhir/R4/json.html#choice, https://hl7.org/fhir/R4/json.html#primitive
 *
 *   Observation    valueQuantity ──▶ element value, type Quantity
 *                  _status       ──▶ element status, type code, sibling (id and extensions of a primitive)
 */
import type { Definitions, ElementDefinition } from './definitions/definitions.js';
import { derived } from './derived.js';

export interface Property {
  /** As it stands in JSON, without the underscore of a sibling. */
  readonly name: string;
  readonly element: ElementDefinition;
  /** Primitive, data type, backbone path or `Resource`. */
  readonly type: string;
  readonly primitive: boolean;
  /** `_name`: an object with `id` and `extension` beside the primitive. */
  readonly sibling: boolean;
}

/** By JSON property name; `resourceType` is none of them. */
export type Properties = ReadonlyMap<string, Property>;

/** The properties of a type by its name; none for a name that is unknown. */
export const propertiesOf: (definitions: Definitions) => (type: string) => Properties = derived(
  (definitions) => {
    const known = new Map<string, Properties>();
    return (type) => {
      let properties = known.get(type);
      if (properties === undefined) {
        properties = makeProperties(definitions, type);
        known.set(type, properties);
      }
      return properties;
    };
  },
);

function makeProperties(definitions: Definitions, owner: string): Properties {
  const { resourceTypes, dataTypes, primitives } = definitions;
  const properties = new Map<string, Property>();
  // What stands beside a primitive has the members that every element has: Extension has these too.
  const elements = primitives.has(owner)
    ? dataTypes.get('Extension')?.elements.filter(({ name }) => name === 'id' || name === 'extension')
    : (resourceTypes.get(owner) ?? dataTypes.get(owner))?.elements;
  for (const element of elements ?? []) {
    for (const type of element.types) {
      const name = element.choice
        ? `${element.name}${type.charAt(0).toUpperCase()}${type.slice(1)}`
        : element.name;
      const primitive = primitives.has(type);
      properties.set(name, { name, element, type, primitive, sibling: false });
      if (primitive) properties.set(`_${name}`, { name, element, type, primitive, sibling: true });
    }
  }
  return properties;
}
