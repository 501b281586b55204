/**
 * Consents of patients as predicates: what of whose record is closed to the person, or the client by itself, that asks. What a Consent says was put into
 * its index values when it was written (fhir/search/consent-values.ts), so a Consent holds for the very next request, and
 * nobody reads Consents one by one.
 *
 *   a resource is hidden    where a patient in whose record it is has a Consent that denies this person its type
 *                           or one of its labels, at this time
 *   never                   what is in the own record of a patient
 *
 * Invariant: fails closed, as the index values do; a decision that is kept a while denies from the beginning of that while to
 * its end.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import { ANY, OTHER_LABEL, SENSITIVE } from '../fhir/search/consent-values.js';
import { CONSENT_OF, DENIES, DENIES_UNLESS, PERMITS } from '../fhir/search/index-value.js';
import type { Predicate, QueryPart, TokenSetTest, ValueTest } from '../fhir/search/query.js';
import { allOf, anyOf, NOTHING, noneOf } from '../fhir/search/tree.js';
import type { Grant } from '../smart/grant.js';
import { type AccessKnowledge, trustedCriteria } from './criteria.js';
import { isCompartmentType, PROVENANCE, recordParameters } from './record-types.js';

/** Milliseconds that a decision may be kept, see decider.ts. */
export const CONSENTS_HOLD = 30_000;

const COMPARTMENT = '@Patient';

export class Consents {
  readonly #definitions: Definitions;
  /** References by which a Consent names the asker. */
  readonly #actors: readonly string[];
  /** The id of the patient who asks, if it is one. */
  readonly #patient: string | undefined;
  readonly #now: number;
  readonly #hidden = new Map<string, Predicate>();
  readonly #labels: readonly Label[];
  /** Shared by all predicates of the decision: a store looks up once what each of them is (see Scope.sets). */
  readonly #tests = new Map<string, TokenSetTest>();

  /** Of a person, or of a client that acts for itself: by what it represents. */
  constructor(knowledge: AccessKnowledge, { user, represents = [] }: Pick<Grant, 'user' | 'represents'>) {
    this.#definitions = knowledge.definitions;
    this.#actors = user === undefined ? represents : [`${user.fhirUser.type}/${user.fhirUser.id}`];
    this.#patient = user?.fhirUser.type === 'Patient' ? user.fhirUser.id : undefined;
    this.#now = knowledge.now;
    this.#labels = Object.entries(SENSITIVE).flatMap(([system, codes]) =>
      codes.map((code) => ({
        name: `${system}|${code}`,
        carried: trustedCriteria('Basic', `_security=${system}|${code}`, knowledge),
      })),
    );
  }

  /** Resources of a type that some Consent closes to this person. */
  hidden(type: string): Predicate {
    const known = this.#hidden.get(type) ?? (type === PROVENANCE ? this.#ofProvenance() : this.#of(type));
    this.#hidden.set(type, known);
    return known;
  }

  #of(type: string): Predicate {
    const closed = this.#inRecords(type, this.#closed(type, ANY));
    if (closed.op === 'nothing') return NOTHING;
    const labelled = this.#labels.map(({ name, carried }) =>
      allOf([carried, this.#inRecords(type, this.#closed(type, name))]),
    );
    const some: Predicate = { op: 'not', of: { op: 'absent', param: '_security' } };
    const others = this.#inRecords(type, this.#closed(type, OTHER_LABEL));
    const denied = anyOf([closed, allOf([some, anyOf([others, ...labelled])])]);
    return allOf([denied, noneOf(this.#own(type))]);
  }

  /** It tells of what it is about. */
  #ofProvenance(): Predicate {
    const targets = [...this.#definitions.resourceTypes.keys()]
      .filter((type) => type !== PROVENANCE)
      .map((type): QueryPart => ({ type, where: this.hidden(type) }))
      .filter(({ where }) => where.op !== 'nothing');
    return anyOf([this.#of(PROVENANCE), { op: 'chain', param: 'target', targets }]);
  }

  /** Part of the record of such a patient, or the patient. */
  #inRecords(type: string, patients: Predicate): Predicate {
    if (type === 'Patient') return patients;
    const targets: readonly QueryPart[] = [{ type: 'Patient', where: patients }];
    const params = recordParameters(type, this.#definitions);
    if (params.length === 0) return NOTHING;
    const named = isCompartmentType(type, this.#definitions) ? [COMPARTMENT] : params;
    return anyOf(named.map((param): Predicate => ({ op: 'chain', param, targets })));
  }

  #own(type: string): Predicate {
    const id = this.#patient;
    if (id === undefined) return NOTHING;
    if (type === 'Patient') return { op: 'id', ids: [id] };
    if (isCompartmentType(type, this.#definitions)) return { op: 'compartment', name: 'Patient', id };
    const test: ValueTest = { kind: 'reference-set', type: 'Patient', ids: [id] };
    return anyOf(
      recordParameters(type, this.#definitions).map((param): Predicate => ({ op: 'value', param, test })),
    );
  }

  /** Patients who deny this person a type: all of it (ANY), or what carries a label. */
  #closed(type: string, label: string): Predicate {
    const where = anyOf([
      this.#says(DENIES, type, [label], 'deny'),
      allOf([
        this.#says(DENIES_UNLESS, type, [label], 'deny'),
        noneOf(
          this.#says(PERMITS, type, label === OTHER_LABEL ? [ANY] : [...new Set([ANY, label])], 'permit'),
        ),
      ]),
    ]);
    return { op: 'has', param: CONSENT_OF, source: { type: 'Consent', where } };
  }

  #says(param: string, type: string, labels: readonly string[], effect: 'deny' | 'permit'): Predicate {
    const [now, until] = [this.#now, this.#now + CONSENTS_HOLD];
    const components: readonly Exclude<ValueTest, { kind: 'composite' }>[] = [
      this.#someOf('actor', [ANY, ...this.#actors]),
      this.#someOf('type', [ANY, type]),
      this.#someOf('label', labels),
      { kind: 'date', prefix: effect === 'deny' ? 'overlaps' : 'includes', lo: now, hi: until },
    ];
    return { op: 'value', param, test: { kind: 'composite', components } };
  }

  #someOf(system: string, codes: readonly string[]): TokenSetTest {
    const key = [system, ...codes].join(' ');
    const known = this.#tests.get(key) ?? { kind: 'token-set', members: [{ system, codes }] };
    this.#tests.set(key, known);
    return known;
  }
}

/** A predicate that asks for Consents at no time in particular, to be compared with others. */
export function withoutTime(where: Predicate, inConsent = false): Predicate {
  const inner = (one: Predicate): Predicate => withoutTime(one, inConsent);
  const part = ({ type, where: end }: QueryPart, isConsent: boolean): QueryPart => ({
    type,
    where: withoutTime(end, isConsent),
  });
  switch (where.op) {
    case 'and':
    case 'or':
      return { op: where.op, of: where.of.map(inner) };
    case 'not':
      return { op: 'not', of: inner(where.of) };
    case 'chain':
      return { ...where, targets: where.targets.map((target) => part(target, inConsent)) };
    case 'has':
      return { ...where, source: part(where.source, inConsent || where.param === CONSENT_OF) };
    case 'value':
      return inConsent && where.test.kind === 'composite'
        ? { ...where, test: { kind: 'composite', components: where.test.components.map(atNoTime) } }
        : where;
    default:
      return where;
  }
}

type Component = (ValueTest & { readonly kind: 'composite' })['components'][number];

function atNoTime(test: Component): Component {
  return test.kind === 'date' ? { ...test, lo: 0, hi: 0 } : test;
}

interface Label {
  readonly name: string;
  /** By resources. */
  readonly carried: Predicate;
}
