/**
 * `_elements=status,code`: elements at the root of resources, also `Patient.name`.
 * https://hl7.org/fhir/R4/search.html#elements
 *
 * A name must be an element of some resource type: a search may include resources of types that it does not name.
 */
import type { Definitions } from '../../definitions/definitions.js';
import { nearest } from '../nearest.js';
import { malformed, type Problem } from './problem.js';

export function readElements(value: string, definitions: Definitions): readonly string[] | Problem {
  const names = value.split(',');
  for (const name of names) {
    const [first = '', second] = name.split('.');
    const type = definitions.resourceTypes.get(first);
    const wanted = type === undefined ? first : (second ?? '');
    const types = type === undefined ? [...definitions.resourceTypes.values()] : [type];
    const known = types.flatMap(({ elements }) => elements.map((element) => element.name));
    if (!known.includes(wanted)) return unknown(wanted, known);
  }
  return names;
}

function unknown(name: string, known: readonly string[]): Problem {
  const near = nearest(name, known);
  const hint =
    near.length === 0 ? 'name elements such as status or code' : `did you mean ${near.join(', ')}?`;
  return malformed(`names an element that does not exist: ${hint}`);
}
