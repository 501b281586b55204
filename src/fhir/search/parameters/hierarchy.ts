/**
 * `:above` and `:below` on references: the resource and what it is part of, or what is part of it.
 * https://hl7.org/fhir/R4/search.html#reference
 *
 * Invariant: a type has a hierarchy where a reference parameter of its own leads to the type itself and is called after
 * being part: Location.partof, Organization.partof, Encounter.part-of, Procedure.part-of … as the definitions have them.
 */
import type { Definitions } from '../../definitions/definitions.js';
import type { Direction, Predicate, ReferenceTest } from '../query.js';
import { malformed, Problem } from './problem.js';
import type { ParameterAt, Reading } from './reading.js';
import { readReference } from './reference.js';

const PART_OF = /^part-?of$/;

export function readHierarchy(direction: Direction) {
  return (text: string, at: ParameterAt, reading: Reading): readonly Predicate[] | Problem => {
    const tests = readReference()(text, at, reading);
    if (tests instanceof Problem) return tests;
    const sets = tests.map((test) =>
      test.kind === 'reference' ? hierarchyOf(test, direction, at, reading) : malformed('is no reference'),
    );
    return sets.find((set) => set instanceof Problem) ?? (sets as readonly Predicate[]); // no Problem among them
  };
}

function hierarchyOf(
  { target }: ReferenceTest,
  direction: Direction,
  { parameter }: ParameterAt,
  { definitions }: Reading,
): Predicate | Problem {
  if (target.kind === 'url' || target.version !== undefined) {
    return malformed(`needs a resource of this server: Type/id or id`);
  }
  const possible = target.types.length > 0 ? target.types : [...definitions.resourceTypes.keys()];
  const types = possible.filter((type) => partOf(type, definitions).length > 0);
  const [type, ...others] = types;
  if (type === undefined) {
    const without = possible.join(' and ');
    return new Problem(
      'modifier',
      `cannot go :${direction} here: resources of ${without} are not part of each other`,
    );
  }
  if (others.length > 0) {
    return malformed(`needs the type that is meant, as in ${type}/id (or ${others.join(', ')})`);
  }
  const set = { kind: 'hierarchy', direction, type, id: target.id, via: partOf(type, definitions) } as const;
  return { op: 'named-set', param: parameter.code, set };
}

/** The parameters by which a resource of the type is part of another of the same type. */
function partOf(type: string, { searchParameters }: Definitions): readonly string[] {
  return [...(searchParameters.get(type)?.values() ?? [])]
    .filter((one) => one.type === 'reference' && PART_OF.test(one.code) && one.targets.includes(type))
    .map(({ code }) => code);
}
