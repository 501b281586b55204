/**
 * Which resource types a search is about: the path's, those of `_type`, those of a compartment, or all.
 * https://hl7.org/fhir/R4/search.html#searchcontexts
 */
import type { Definitions } from '../../definitions/definitions.js';
import { Refusal } from '../../outcome.js';
import { nearest } from '../nearest.js';
import { malformed, type Problem } from './problem.js';

/** Wildcards pass over them: they are searched where they are named. They tell of all other resources. */
const BESIDE: ReadonlySet<string> = new Set(['AuditEvent']);

interface Scope {
  readonly type?: string;
  readonly compartment?: { readonly name: string; readonly id: string };
}

/** Whether a search that names no type is about a type. */
export function isInWildcards(type: string): boolean {
  return !BESIDE.has(type);
}

/** What a search is about that has no `_type`. Throws as `typesInScope` does. */
export function typesSearched(scope: Scope, definitions: Definitions): readonly string[] {
  const types = typesInScope(scope, definitions);
  return scope.type === undefined ? types.filter(isInWildcards) : types;
}

/** What it may be about. Throws a Refusal where the path makes no sense: no such type, no such compartment, a type that is not in it. */
export function typesInScope({ type, compartment }: Scope, definitions: Definitions): readonly string[] {
  if (type !== undefined && !definitions.resourceTypes.has(type)) {
    const near = nearest(type, definitions.resourceTypes.keys());
    const hint = near.length === 0 ? 'types are written like Patient' : `did you mean ${near.join(', ')}?`;
    throw new Refusal('unknown-type', `There is no such resource type: ${hint}`);
  }
  if (compartment === undefined) {
    return type === undefined ? [...definitions.resourceTypes.keys()] : [type];
  }
  const members = compartmentTypes(compartment.name, definitions);
  if (type === undefined) return members;
  if (members.includes(type)) return [type];
  throw new Refusal(
    'unknown-route',
    `${type} does not belong to the ${compartment.name} compartment: search it at [base]/${type}.`,
  );
}

/** Types that have a parameter of membership, and the one that the compartment is about. */
function compartmentTypes(name: string, definitions: Definitions): readonly string[] {
  const compartment = definitions.compartments.get(name);
  if (compartment === undefined) {
    const known = [...definitions.compartments.keys()].join(', ');
    throw new Refusal('unknown-route', `${name} has no compartment: there are ${known}.`);
  }
  return [...definitions.resourceTypes.keys()].filter(
    (type) => type === name || (compartment.get(type)?.length ?? 0) > 0,
  );
}

/** `_type=Patient,Observation`, each type once, in the order given. */
export function readTypes(
  values: readonly string[],
  scope: Scope,
  definitions: Definitions,
): readonly string[] | Problem {
  if (scope.type !== undefined) return malformed('is possible only where the path names no type');
  if (values.length > 1) return malformed('is given more than once: join the types by commas');
  const possible = typesInScope(scope, definitions);
  const types = [...new Set(values[0]?.split(','))];
  const unknown = types.find((type) => !possible.includes(type));
  if (unknown === undefined) return types;
  const near = nearest(unknown, possible);
  const hint = near.length === 0 ? 'types are written like Patient' : `did you mean ${near.join(', ')}?`;
  return malformed(`names a type that cannot be searched here: ${hint}`);
}
