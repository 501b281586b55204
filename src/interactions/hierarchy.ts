/**
 * Resources that are part of one another (Location.partOf, Organization.partOf …), followed up or down.
 * https://hl7.org/fhir/R4/search.html#reference (`:above`, `:below`)
 *
 * Invariant: what may not be seen is not there: it leads on to nothing. A circle is walked once.
 */
import { Refusal } from '../fhir/outcome.js';
import type { NamedSet, Predicate } from '../fhir/search/query.js';
import { anyOf } from '../fhir/search/tree.js';
import type { Context } from './context.js';

type Hierarchy = NamedSet & { readonly kind: 'hierarchy' };

const MAX_RESOURCES = 5_000;
/** Far deeper than any hospital's buildings or offices. */
const MAX_LEVELS = 50;

/** Ids of the resource named and of all above or below it; a name that leads nowhere is itself alone. */
export async function idsOfHierarchy(
  { direction, type, id, via }: Hierarchy,
  context: Context,
): Promise<readonly string[]> {
  const reached = new Set([id]);
  let edge = await found({ op: 'id', ids: [id] }, 1);
  for (let level = 0; edge.length > 0; level++) {
    if (level === MAX_LEVELS) throw tooLarge(type, `more than ${MAX_LEVELS} levels`);
    const next = await found(direction === 'below' ? partsOf(edge) : wholesOf(edge), MAX_RESOURCES + 1);
    edge = next.filter((one) => !reached.has(one));
    for (const one of edge) reached.add(one);
    if (reached.size > MAX_RESOURCES) throw tooLarge(type, `more than ${MAX_RESOURCES} resources`);
  }
  return [...reached].sort();

  async function found(where: Predicate, limit: number): Promise<readonly string[]> {
    return context.backend.resolve(type, where, context.access.search, limit);
  }

  function partsOf(ids: readonly string[]): Predicate {
    return anyOf(via.map((param) => ({ op: 'value', param, test: { kind: 'reference-set', type, ids } })));
  }

  function wholesOf(ids: readonly string[]): Predicate {
    const source = { type, where: { op: 'id', ids } } as const;
    return anyOf(via.map((param) => ({ op: 'has', param, source })));
  }
}

function tooLarge(type: string, size: string): Refusal {
  const text = `The hierarchy of ${type} resources that the search names has ${size}: begin nearer to its end.`;
  return new Refusal('invalid-parameter', [{ severity: 'error', code: 'too-costly', text }]);
}
