/**
 * What of a subject's compartment is asked for: `_type`, `_since`, `start` and `end` as queries.
 * https://hl7.org/fhir/R4/compartmentdefinition.html
 *
 *   the subject itself │ every type of the compartment, one part each
 *
 * Invariant: the parts of one subject have no match in common, so that a sequence of pages has each resource once.
 */
import type { Definitions } from '../../fhir/definitions/definitions.js';
import type { DateRange } from '../../fhir/primitives/date.js';
import { isInWildcards, typesInScope } from '../../fhir/search/parameters/types.js';
import type { DateTest, Predicate, QueryPart } from '../../fhir/search/query.js';
import { allOf, anyOf, noneOf } from '../../fhir/search/tree.js';
import type { ResourceKey } from '../../ports/backend.js';
import type { Roster } from './roster.js';

export interface Wanted {
  /** Empty: all types. */
  readonly types: readonly string[];
  /** Milliseconds; only versions stored then or later. */
  readonly since?: number;
  readonly start?: DateRange;
  readonly end?: DateRange;
}

export class Selection {
  readonly #wanted: Wanted;
  readonly #roster: Roster;
  readonly #definitions: Definitions;
  /** The types that are gone through, in the order of the definitions. */
  readonly #types: readonly string[];

  constructor(wanted: Wanted, roster: Roster, definitions: Definitions) {
    this.#wanted = wanted;
    this.#roster = roster;
    this.#definitions = definitions;
    const types = typesInScope({ compartment: { name: roster.type, id: '' } }, definitions);
    // What is outside of the compartment is found by what refers to it, whether that is shown itself or not.
    const isInside = wanted.types.every((one) => types.includes(one) || one === roster.head?.type);
    this.#types = types.filter((one) => (isInside ? this.shows(one) : isInWildcards(one)));
  }

  /** Whether resources of the type are shown. */
  shows(type: string): boolean {
    const { types } = this.#wanted;
    return types.length === 0 ? isInWildcards(type) : types.includes(type);
  }

  parts(subject: ResourceKey): readonly QueryPart[] {
    const { type, id } = subject;
    const itself: Predicate = { op: 'id', ids: [id] };
    const own = this.#types.includes(type) ? [{ type, where: allOf([itself, ...this.#filters(type)]) }] : [];
    if (type !== this.#roster.type) return own;
    const rest = this.#types.map((member): QueryPart => {
      const others = [subject, this.#roster.head].filter((one) => one?.type === member);
      const apart = others.map((one): Predicate => noneOf({ op: 'id', ids: [one?.id ?? ''] }));
      const where = allOf([{ op: 'compartment', name: type, id }, ...apart, ...this.#filters(member)]);
      return { type: member, where };
    });
    return [...own, ...rest];
  }

  #filters(type: string): readonly Predicate[] {
    const { since, start, end } = this.#wanted;
    const stored: readonly Predicate[] =
      since === undefined
        ? []
        : [{ op: 'last-updated', test: { kind: 'date', prefix: 'ge', lo: since, hi: since } }];
    const param = this.#definitions.primaryDates.get(type);
    if (param === undefined || (start ?? end) === undefined) return stored;
    const dated = (range: DateRange | undefined, prefix: DateTest['prefix']): readonly Predicate[] =>
      range === undefined ? [] : [{ op: 'value', param, test: { kind: 'date', prefix, ...range } }];
    const inside = allOf([...dated(start, 'ge'), ...dated(end, 'le')]);
    return [...stored, anyOf([{ op: 'absent', param }, inside])];
  }
}
