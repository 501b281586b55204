/**
 * Which parameters make members of compartments: whoever searches by one of them for a patient finds members of that
 * patient's compartment, and nothing else.
 * https://hl7.org/fhir/R4/compartmentdefinition.html
 *
 * Invariant: a resource that the index has under such a parameter with a reference to T/id it has as a member of the
 * compartment T/id too, for both come from the same element.
 */
import type { Definitions, SearchParameter } from '../definitions/definitions.js';
import type { Predicate } from './query.js';
import { membersOf } from './tree.js';

/** Codes by `compartment type`. */
export type Memberships = ReadonlyMap<string, ReadonlySet<string>>;

export const NO_MEMBERSHIPS: Memberships = new Map();

export function membershipsOf({ compartments, searchParameters }: Definitions): Memberships {
  const found = new Map<string, ReadonlySet<string>>();
  for (const [compartment, types] of compartments) {
    for (const [type, listed] of types) {
      const parameters = [...(searchParameters.get(type)?.values() ?? [])];
      const makers = parameters.filter(({ code }) => listed.includes(code));
      const makes = ({ code, expression, type: kind }: SearchParameter): boolean =>
        listed.includes(code) ||
        (kind === 'reference' && makers.some((one) => isPart(expression, one, compartment)));
      found.set(`${compartment} ${type}`, new Set(parameters.filter(makes).map(({ code }) => code)));
    }
  }
  return found;
}

/** `patient` is most often the part of `subject` that refers to a Patient. */
function isPart(expression: string | undefined, of: SearchParameter, compartment: string): boolean {
  if (expression === undefined || of.expression === undefined) return false;
  return expression === of.expression || expression === `${of.expression}.where(resolve() is ${compartment})`;
}

/** The criteria of a filter that a query does not meet by itself: nothing that the query finds fails any of the others. */
export function notImplied(
  filter: Predicate,
  type: string,
  query: Predicate,
  memberships: Memberships,
): readonly Predicate[] {
  const asked = membersOf(query);
  return membersOf(filter).filter((one) => !isImplied(one, type, asked, memberships));
}

function isImplied(
  predicate: Predicate,
  type: string,
  asked: readonly Predicate[],
  memberships: Memberships,
): boolean {
  if (predicate.op === 'or') return predicate.of.some((one) => isImplied(one, type, asked, memberships));
  if (predicate.op !== 'compartment') return false;
  const { name, id } = predicate;
  const codes = memberships.get(`${name} ${type}`);
  return asked.some((one) => {
    if (one.op === 'compartment') return one.name === name && one.id === id;
    if (one.op !== 'value' || one.test.kind !== 'reference' || codes?.has(one.param) !== true) return false;
    const { target } = one.test;
    return (
      target.kind === 'local' && target.id === id && target.types.length === 1 && target.types[0] === name
    );
  });
}
