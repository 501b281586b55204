/**
 * `_elements=status,code`: elements at the root of resources, also `Patient.name`.
 * https://hl7.org/fhir/R4/search.html#elements
 *
 * A name must be an element of some resource type: a search may include resources of types that it does not name.
 */
import type { Definitions, TypeDefinition } from '../../definitions/definitions.js';
import { nearest } from '../nearest.js';
import { malformed, type Problem } from './problem.js';

export function readElements(value: string, definitions: Definitions): readonly string[] | Problem {
  const names = [...new Set(value.split(','))];
  const anywhere = elementNames(definitions.resourceTypes.values());
  for (const name of names) {
    const [first = '', second = ''] = name.split('.', 2);
    const type = definitions.resourceTypes.get(first);
    const wanted = type === undefined ? first : second;
    const known = type === undefined ? anywhere : elementNames([type]);
    if (!known.has(wanted)) return unknown(wanted, known);
  }
  return names;
}

function elementNames(types: Iterable<TypeDefinition>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { elements } of types) for (const { name } of elements) names.add(name);
  return names;
}

function unknown(name: string, known: Iterable<string>): Problem {
  const near = nearest(name, known);
  const hint =
    near.length === 0 ? 'name elements such as status or code' : `did you mean ${near.join(', ')}?`;
  return malformed(`names an element that does not exist: ${hint}`);
}
