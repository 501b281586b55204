/**
 * Where a member of a type stands in its JSON: `value` of Observation is `valueQuantity`, `valueString` …
 * https://hl7.org/fhir/R4/json.html#choice
 */
import type { Definitions, ElementDefinition, TypeDefinition } from '../../definitions/definitions.js';

/** One JSON property that a member can be, and the type of what stands there. */
export interface Branch {
  readonly key: string;
  readonly type: string;
}

/** The branches of a member; empty where the type has no such member. */
export type Elements = (type: string, member: string) => readonly Branch[];

export function elementsOf(definitions: Definitions): Elements {
  const known = new Map<string, ReadonlyMap<string, readonly Branch[]>>();
  return (type, member) => {
    let members = known.get(type);
    if (members === undefined) {
      members = membersOf(definitions.resourceTypes.get(type) ?? definitions.dataTypes.get(type));
      known.set(type, members);
    }
    return members.get(member) ?? [];
  };
}

function membersOf(definition: TypeDefinition | undefined): ReadonlyMap<string, readonly Branch[]> {
  return new Map((definition?.elements ?? []).map((element) => [element.name, branchesOf(element)]));
}

function branchesOf(element: ElementDefinition): readonly Branch[] {
  return element.types.map((type) => ({
    key: element.choice ? element.name + type.charAt(0).toUpperCase() + type.slice(1) : element.name,
    type,
  }));
}
