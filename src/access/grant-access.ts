/**
 * A grant and the policies become an access decision: one predicate per type and permission, before any query is planned.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
 *
 *   some scope          its context (the patient's record, the user's rights, the client's)  and its constraint
 *   and some role       one of its rules, none of the labels that it withholds, nothing that a Consent closes to the person
 *
 * Provenance and Binary follow what they are about: a Provenance with a target that may be read, a Binary whose
 * securityContext may be read. So their predicates are made last.
 *
 * Invariant: what nothing here allows is refused; a scope never gives more than the policy, nor the policy more than the
 * scope.
 */
import { SECURITY_CONTEXT, SELF } from '../fhir/search/index-value.js';
import type { Predicate, QueryPart } from '../fhir/search/query.js';
import { allOf, anyOf, EVERYTHING, NOTHING, noneOf } from '../fhir/search/tree.js';
import {
  type AccessDecision,
  type AccessFilter,
  type Permission,
  permitting,
} from '../ports/access-filter.js';
import type { Grant } from '../smart/grant.js';
import { type ResourceScope, writeResourceScope } from '../smart/scope.js';
import { CONSENTS_HOLD, Consents } from './consents.js';
import { type AccessKnowledge, scopeConstraint, trustedCriteria } from './criteria.js';
import { covers, type Policies, type Policy, type Rule } from './policies.js';
import {
  AUDIT_EVENT,
  BINARY,
  isCompartmentType,
  isRecordType,
  isShared,
  PROVENANCE,
  recordParameters,
} from './record-types.js';

const LETTERS: Readonly<Record<Permission, string>> = {
  create: 'c',
  read: 'r',
  update: 'u',
  delete: 'd',
  search: 's',
};
/** What FHIR allows as an id: nothing else is put into a search. */
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** `emergency`: the reason for which the glass is broken, which emergency.ts found to be allowed. */
export function accessOf(
  grant: Grant,
  knowledge: AccessKnowledge,
  policies: Policies,
  emergency?: string,
): AccessDecision {
  const making = new Making(grant, knowledge, emergency === undefined ? policies : withoutGlass(policies));
  const holder = holderOf(grant);
  const filter = (permission: Permission): AccessFilter => making.filter(permission);
  return {
    ...holder,
    ...(emergency === undefined ? {} : { agent: { ...holder.agent, emergency } }),
    ...(heedsConsents(grant, policies) ? { until: knowledge.now + CONSENTS_HOLD } : {}),
    create: filter('create'),
    read: filter('read'),
    update: filter('update'),
    delete: filter('delete'),
    search: filter('search'),
  };
}

/** What roles that may break the glass are allowed when they do. */
function withoutGlass({ clients, roles }: Policies): Policies {
  const opened = Object.entries(roles).map(([name, role]): [string, Policy] => [
    name,
    role.breakTheGlass === true ? { ...role, withhold: [], consents: false } : role,
  ]);
  return { clients, roles: Object.fromEntries(opened) };
}

/** Consents hold for people, unless their role says otherwise, and for clients by themselves where the policy says so. */
function heedsConsents({ user }: Grant, { clients }: Policies): boolean {
  return user !== undefined || clients.consents === true;
}

/** Who it is, without any rights. */
export function powerless(grant: Grant): AccessDecision {
  return { ...holderOf(grant), ...permitting({ kind: 'restricted', byType: {} }) };
}

function holderOf({ principal, clientId, scopes, user }: Grant): Pick<AccessDecision, 'principal' | 'agent'> {
  const scope = scopes.map(writeResourceScope).join(' ');
  return {
    principal,
    agent: {
      client: clientId,
      ...(user === undefined ? {} : { user: `${user.fhirUser.type}/${user.fhirUser.id}` }),
      ...(scope === '' ? {} : { scope }),
    },
  };
}

class Making {
  readonly #compartments = new Map<string, Predicate>();
  readonly #constraints = new Map<string, Predicate>();
  readonly #patientsOfRules = new Map<Rule, Predicate>();
  readonly #policies: readonly Policy[];
  readonly #types: readonly string[];
  readonly #isCurrent: boolean;
  /** Those of patients, as far as they close something to the asker; absent: they do not hold for such an asker. */
  readonly #consents: Consents | undefined;
  /** A patient in the own record, which no Consent closes: nothing need be asked. */
  readonly #isOwnRecord: boolean;
  /** What may be read of each type, but for the two that follow others. */
  readonly #readable: ReadonlyMap<string, Predicate>;
  readonly #readsAll: boolean;
  readonly #aboutReadable: Readonly<Record<string, Predicate>>;

  constructor(
    private readonly grant: Grant,
    private readonly knowledge: AccessKnowledge,
    policies: Policies,
  ) {
    this.#policies = policiesOf(grant, policies);
    this.#types = [...knowledge.definitions.resourceTypes.keys()];
    this.#consents = heedsConsents(grant, policies) ? new Consents(knowledge, grant) : undefined;
    this.#isOwnRecord = isOwnRecord(grant);
    this.#isCurrent = knowledge.now < grant.expires;
    this.#aboutReadable = { [BINARY]: NOTHING, [PROVENANCE]: NOTHING };
    const ordinary = this.#types.filter((type) => type !== BINARY && type !== PROVENANCE);
    this.#readable = new Map(ordinary.map((type) => [type, this.#predicate(type, 'read')]));
    this.#readsAll = ordinary.every(
      (type) => type === AUDIT_EVENT || this.#readable.get(type)?.op === 'everything',
    );
    const targets = [...this.#readable]
      .filter(([, where]) => where.op !== 'nothing')
      .map(([type, where]): QueryPart => ({ type, where }));
    this.#aboutReadable = {
      [BINARY]: targets.length === 0 ? NOTHING : { op: 'chain', param: SECURITY_CONTEXT, targets },
      [PROVENANCE]: targets.length === 0 ? NOTHING : { op: 'chain', param: 'target', targets },
    };
  }

  filter(permission: Permission): AccessFilter {
    const byType: Record<string, Predicate> = {};
    for (const type of this.#types) {
      const predicate = this.#predicate(type, permission);
      if (predicate.op !== 'nothing') byType[type] = predicate;
    }
    return { kind: 'restricted', byType };
  }

  #predicate(type: string, permission: Permission): Predicate {
    if (!this.#isCurrent) return NOTHING;
    const letter = LETTERS[permission];
    const scopes = this.grant.scopes.filter(
      (scope) => scope.permissions.includes(letter) && this.#names(scope, type),
    );
    if (scopes.length === 0) return NOTHING;
    const granted = anyOf(distinct(scopes.map((scope) => this.#granted(scope, type, letter))));
    if (granted.op === 'nothing') return NOTHING;
    const allowed = anyOf(distinct(this.#policies.map((policy) => this.#allowed(policy, type, letter))));
    return allOf(distinct([granted, allowed]));
  }

  #names({ type: named }: ResourceScope, type: string): boolean {
    return named === type || (named === '*' && type !== AUDIT_EVENT);
  }

  #granted(scope: ResourceScope, type: string, letter: string): Predicate {
    const { constraint } = scope;
    const context = this.#context(scope, type, letter);
    if (constraint === undefined || context.op === 'nothing') return context;
    return allOf([context, this.#constraint(type, constraint)]);
  }

  /** Read once for all permissions. */
  #constraint(type: string, constraint: string): Predicate {
    const key = `${type}?${constraint}`;
    const known = this.#constraints.get(key) ?? scopeConstraint(type, constraint, this.knowledge);
    this.#constraints.set(key, known);
    return known;
  }

  /** What the word before the slash says. */
  #context({ context }: ResourceScope, type: string, letter: string): Predicate {
    const { patient, user } = this.grant;
    switch (context) {
      case 'patient':
        if (patient === undefined || !ID.test(patient)) return NOTHING;
        if (isShared(type)) return letter === 'r' || letter === 's' ? EVERYTHING : NOTHING;
        return this.#inRecords(type, { op: 'id', ids: [patient] });
      case 'user':
        return user === undefined ? NOTHING : EVERYTHING;
      case 'system':
        return user === undefined ? EVERYTHING : NOTHING;
    }
  }

  #allowed({ rules, withhold, consents = true }: Policy, type: string, letter: string): Predicate {
    const isRecord = isRecordType(type, this.knowledge.definitions);
    const ruling = rules.filter(
      // Whether a condition is met is found out before (standing.ts); here nobody knows.
      (rule) => rule.when === undefined && rule.permissions.includes(letter) && covers(rule, type, isRecord),
    );
    const allowed = anyOf(distinct(ruling.map((rule) => this.#ruled(rule, type))));
    if (allowed.op === 'nothing') return NOTHING;
    // What is written anew is nobody's to hide, and a refusal would tell that there is a Consent.
    const mayBeClosed = consents && letter !== 'c' && !(this.#isOwnRecord && type !== PROVENANCE);
    const closed = mayBeClosed ? this.#consents?.hidden(type) : undefined;
    return allOf([
      allowed,
      ...withhold.map((label) => this.#without(label)),
      ...(closed === undefined ? [] : [noneOf(closed)]),
    ]);
  }

  #ruled(rule: Rule, type: string): Predicate {
    const where = rule.where === undefined ? EVERYTHING : this.#search(type, rule.where);
    if (rule.patients !== undefined) return allOf([where, this.#inRecords(type, this.#patientsOf(rule))]);
    if (type !== BINARY || this.#readsAll) {
      return type === BINARY && !rule.types.includes(BINARY) ? allOf([where, noneOf(UNLINKED)]) : where;
    }
    const linked = this.#aboutReadable[BINARY] as Predicate; // set in the constructor
    return allOf([where, rule.types.includes(BINARY) ? anyOf([UNLINKED, linked]) : linked]);
  }

  #patientsOf(rule: Rule): Predicate {
    const known = this.#patientsOfRules.get(rule) ?? this.#search('Patient', rule.patients ?? '');
    this.#patientsOfRules.set(rule, known);
    return known;
  }

  /** Part of the record of one of these patients. */
  #inRecords(type: string, patients: Predicate): Predicate {
    if (patients.op === 'nothing') return NOTHING;
    // Who is whose patient is as it is now: an old version of a Patient does not tell.
    if (type === 'Patient') return patients.op === 'id' ? patients : leadsTo(SELF, patients);
    if (type === BINARY) return this.#aboutReadable[BINARY] as Predicate; // set in the constructor
    const { definitions } = this.knowledge;
    const params = recordParameters(type, definitions);
    const ids = patients.op === 'id' ? patients.ids : undefined;
    const own = anyOf(
      ids !== undefined && isCompartmentType(type, definitions) && params.length > 0
        ? ids.map((id) => this.#compartment(id))
        : params.map((param): Predicate => leadsTo(param, patients)),
    );
    return type === PROVENANCE ? anyOf([own, this.#aboutReadable[PROVENANCE] as Predicate]) : own;
  }

  #compartment(id: string): Predicate {
    const known = this.#compartments.get(id) ?? { op: 'compartment', name: 'Patient', id };
    this.#compartments.set(id, known);
    return known;
  }

  #without(label: string): Predicate {
    const labelled = trustedCriteria('Basic', `_security=${encodeURIComponent(label)}`, this.knowledge);
    // A label that cannot be read hides everything: it was to hide something.
    return labelled.op === 'nothing' ? NOTHING : noneOf(labelled);
  }

  /** A policy's search, its placeholders filled in; one without a filling matches nothing. */
  #search(type: string, written: string): Predicate {
    const { user } = this.grant;
    const patients = user?.patients.filter((id) => ID.test(id)) ?? [];
    const fhirUser = user !== undefined && ID.test(user.fhirUser.id) ? user.fhirUser : undefined;
    if (written.includes('{patient}') && patients.length === 0) return NOTHING;
    if (written.includes('{fhirUser}') && fhirUser === undefined) return NOTHING;
    const search = written
      .replaceAll('{patient}', patients.join(','))
      .replaceAll('{fhirUser}', fhirUser === undefined ? '' : `${fhirUser.type}/${fhirUser.id}`);
    return trustedCriteria(type, search, this.knowledge);
  }
}

function isOwnRecord({ user, patient, scopes }: Grant): boolean {
  const { type, id } = user?.fhirUser ?? {};
  return type === 'Patient' && id === patient && scopes.every(({ context }) => context === 'patient');
}

const UNLINKED: Predicate = { op: 'absent', param: SECURITY_CONTEXT };

/** A scope and a rule often say the same. */
function distinct(predicates: readonly Predicate[]): readonly Predicate[] {
  return [...new Set(predicates)];
}

function leadsTo(param: string, patients: Predicate): Predicate {
  if (patients.op === 'id') {
    return { op: 'value', param, test: { kind: 'reference-set', type: 'Patient', ids: patients.ids } };
  }
  return { op: 'chain', param, targets: [{ type: 'Patient', where: patients }] };
}

function policiesOf({ user }: Grant, { clients, roles }: Policies): readonly Policy[] {
  if (user === undefined) return [clients];
  return user.roles.flatMap((role) => (Object.hasOwn(roles, role) ? [roles[role] as Policy] : []));
}
