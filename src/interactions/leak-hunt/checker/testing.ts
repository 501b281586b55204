/**
 * The leak hunt's checker: who may do what, read off the JSON, the published CompartmentDefinition and the grant. It is
 * naive on purpose and knows nothing of predicates, indexes or the code that it checks.
 * https://hl7.org/fhir/R4/compartmentdefinition-patient.html
 */
import type { ResourceScope } from '../../../smart/scope.js';
import { BASE, START } from '../../testing.js';
import type { Holder } from '../grants/testing.js';
import type { Tree } from '../ward/testing.js';

export type Letter = 'c' | 'r' | 'u' | 'd' | 's';

/** Elements that make a resource part of the record of the patient that they refer to. */
const RECORD: Readonly<Record<string, readonly string[]>> = {
  Appointment: ['participant.actor'],
  Basic: ['subject', 'author'],
  Condition: ['subject', 'asserter'],
  Consent: ['patient'],
  Device: ['patient'],
  DocumentReference: ['subject', 'author'],
  Encounter: ['subject'],
  List: ['subject', 'source'],
  MedicationRequest: ['subject'],
  Observation: ['subject', 'performer'],
  RelatedPerson: ['patient'],
  Task: ['for'],
};
const SHARED = new Set(['Organization', 'Practitioner', 'Location', 'Medication', 'ValueSet']);
const WRITTEN_BY_PATIENTS = new Set([
  'Appointment',
  'Consent',
  'DocumentReference',
  'Observation',
  'Patient',
  'Binary',
  'RelatedPerson',
]);
const HAS_CATEGORY = new Set([
  'Observation',
  'Condition',
  'Consent',
  'DocumentReference',
  'MedicationRequest',
]);

/** What is there at the moment that the checker looks at. */
export interface Now {
  current(type: string, id: string): Tree | undefined;
  ofType(type: string): readonly Tree[];
}

export class Checker {
  constructor(
    private readonly holder: Holder,
    private readonly now: Now,
  ) {}

  may(letter: Letter, tree: Tree): boolean {
    const { grant } = this.holder;
    if (grant.expires <= START) return false;
    const scoped = grant.scopes.some((scope) => this.#scoped(scope, letter, tree));
    if (scoped && letter !== 'c' && this.#isClosed(tree)) return false;
    return scoped && this.#roles().some((role) => this.#ruled(role, letter, tree));
  }

  mayAny(letters: string, tree: Tree): boolean {
    return [...letters].some((letter) => this.may(letter as Letter, tree));
  }

  #roles(): readonly string[] {
    const { user } = this.holder.grant;
    if (user === undefined) return [this.holder.discreet ? 'discreet-client' : 'client'];
    return user.roles;
  }

  #scoped(scope: ResourceScope, letter: Letter, tree: Tree): boolean {
    const type = tree.resourceType;
    if (!scope.permissions.includes(letter)) return false;
    if (scope.type !== type && (scope.type !== '*' || type === 'AuditEvent')) return false;
    if (scope.constraint !== undefined && !meets(scope.constraint, tree)) return false;
    const { patient, user } = this.holder.grant;
    if (scope.context === 'user') return user !== undefined;
    if (scope.context === 'system') return user === undefined;
    if (patient === undefined) return false;
    if (SHARED.has(type)) return letter === 'r' || letter === 's';
    return this.#inRecord(tree, [patient]);
  }

  #ruled(role: string, letter: Letter, tree: Tree): boolean {
    const type = tree.resourceType;
    const user = this.holder.grant.user;
    const reading = letter === 'r' || letter === 's';
    switch (role) {
      case 'client':
        return type !== 'AuditEvent' && (type !== 'Binary' || this.#binaryFor(tree, true));
      case 'discreet-client':
        return (
          type !== 'AuditEvent' && !isLabelled(tree) && (type !== 'Binary' || this.#binaryFor(tree, true))
        );
      case 'patient': {
        if (reading && SHARED.has(type)) return true;
        // Whose record it is is not said: the rule is not filled in, and allows nothing.
        const patients = user?.patients ?? [];
        const own = patients.length > 0 && this.#inRecord(tree, patients);
        return own && (reading || (letter !== 'd' && WRITTEN_BY_PATIENTS.has(type)));
      }
      case 'practitioner':
        if (type === 'Binary') return this.#binaryFor(tree, true);
        return type !== 'AuditEvent' && (reading || isRecordType(type));
      case 'careTeam': {
        if (reading && SHARED.has(type)) return true;
        if (!reading && letter !== 'u') return false;
        return this.#inRecord(tree, this.#patientsOf(`Practitioner/${user?.fhirUser.id}`));
      }
      case 'discreet':
        if (isLabelled(tree) || type === 'AuditEvent') return false;
        return type !== 'Binary' || this.#binaryFor(tree, false);
      case 'finals':
        return type === 'Observation' && tree.status === 'final';
      case 'auditor':
        return type === 'AuditEvent' && reading;
      default:
        return false;
    }
  }

  /** Whose general practitioner this is. */
  #patientsOf(practitioner: string): readonly string[] {
    return this.now
      .ofType('Patient')
      .filter((patient) => targets(patient, 'generalPractitioner').includes(practitioner))
      .map(({ id }) => id);
  }

  #inRecord(tree: Tree, patients: readonly string[]): boolean {
    const { resourceType: type, id } = tree;
    if (type === 'Patient') return patients.includes(id);
    if (type === 'Binary') return this.#guarded(tree);
    const names = patients.map((one) => `Patient/${one}`);
    if (type === 'Provenance') {
      const about = targets(tree, 'target');
      return about.some((one) => names.includes(one) || this.#readable(one));
    }
    return (RECORD[type] ?? []).some((path) => targets(tree, path).some((one) => names.includes(one)));
  }

  #binaryFor(tree: Tree, withoutContext: boolean): boolean {
    if (tree.securityContext === undefined) return withoutContext;
    return this.#readsEverything() || this.#guarded(tree);
  }

  /** What it belongs to may be read. */
  #guarded(tree: Tree): boolean {
    return targets(tree, 'securityContext').some((one) => this.#readable(one));
  }

  #readable(name: string): boolean {
    const [type = '', id = ''] = name.split('/');
    if (type === 'Binary' || type === 'Provenance') return false;
    const tree = this.now.current(type, id);
    return tree !== undefined && this.may('r', tree);
  }

  /** By one scope and one role that know no bounds. */
  #readsEverything(): boolean {
    const { scopes, user, expires } = this.holder.grant;
    if (expires <= START) return false;
    const wide = scopes.some(
      ({ context, type, permissions, constraint }) =>
        type === '*' &&
        permissions.includes('r') &&
        constraint === undefined &&
        context === (user ? 'user' : 'system'),
    );
    // Consents keep something from every person, or could.
    return wide && this.#roles().includes('client');
  }

  /** A Consent of a patient in whose record it is denies it to this person. */
  #isClosed(tree: Tree): boolean {
    const { user } = this.holder.grant;
    if (user === undefined) return false;
    const who = `${user.fhirUser.type}/${user.fhirUser.id}`;
    const about = tree.resourceType === 'Provenance' ? targets(tree, 'target') : [];
    const told = about.flatMap((name) => {
      const [type = '', id = ''] = name.split('/');
      return (type === 'Provenance' ? undefined : this.now.current(type, id)) ?? [];
    });
    if (told.some((one) => this.#isClosed(one))) return true;
    const paths = tree.resourceType === 'Provenance' ? ['target'] : (RECORD[tree.resourceType] ?? []);
    const isPatient = tree.resourceType === 'Patient';
    const named = isPatient ? [`Patient/${tree.id}`] : paths.flatMap((path) => targets(tree, path));
    // What is in their own record stays open to patients, and to nobody else who is named in it.
    if (user.fhirUser.type === 'Patient' && named.includes(who)) return false;
    // A Consent holds for a record as long as its patient is there.
    const patients = named.filter((name) => {
      const [type, id = ''] = name.split('/');
      return isPatient || (type === 'Patient' && this.now.current('Patient', id) !== undefined);
    });
    return this.now
      .ofType('Consent')
      .filter((consent) => targets(consent, 'patient').some((name) => patients.includes(name)))
      .some((consent) => denies(consent, who, tree));
  }
}

interface Provision {
  readonly type?: string;
  readonly actor?: readonly object[];
  readonly class?: readonly { readonly code: string }[];
  readonly securityLabel?: readonly object[];
  readonly period?: { readonly start?: string; readonly end?: string };
  readonly provision?: readonly Provision[];
}

/** Written as the rules are told to people: an exception turns what stands around it. */
function denies(consent: Tree, who: string, tree: Tree): boolean {
  const { status, scope, policyRule, provision } = consent;
  if (status !== 'active' || !JSON.stringify(scope).includes('patient-privacy')) return false;
  const root = provision as unknown as Provision; // as the ward makes it
  const base: Provision = JSON.stringify(policyRule).includes('OPTOUT')
    ? { type: 'deny', provision: [root] }
    : root;
  return verdict(base, who, tree) === 'deny';
}

/** Undefined: the provision does not speak of this. */
function verdict(provision: Provision, who: string, tree: Tree): 'deny' | 'permit' | undefined {
  const { type, actor, class: types, securityLabel, period, provision: inner = [] } = provision;
  const speaks =
    (actor === undefined || targets({ actor }, 'actor.reference').includes(who)) &&
    (types === undefined || types.some(({ code }) => code === tree.resourceType)) &&
    (securityLabel === undefined || isLabelled(tree)) &&
    (period?.start === undefined || period.start <= '2024') &&
    (period?.end === undefined || period.end >= '2024');
  if (!speaks) return undefined;
  const verdicts = inner.map((one) => verdict(one, who, tree));
  if (verdicts.includes('deny')) return 'deny';
  if (type !== 'deny') return 'permit';
  return verdicts.includes('permit') ? undefined : 'deny';
}

export function isRecordType(type: string): boolean {
  return type === 'Patient' || type === 'Provenance' || Object.hasOwn(RECORD, type);
}

function isLabelled({ meta }: Tree): boolean {
  return JSON.stringify(meta ?? {}).includes('v3-Confidentiality","code":"R"');
}

function meets(constraint: string, tree: Tree): boolean {
  const has = (code: string) => JSON.stringify(tree.category ?? []).includes(`"code":"${code}"`);
  const type = tree.resourceType;
  switch (constraint) {
    case 'category=laboratory':
      return HAS_CATEGORY.has(type) && has('laboratory');
    case 'category:not=laboratory':
      return HAS_CATEGORY.has(type) && !has('laboratory');
    case 'category=http://codes.test|vital-signs':
      return HAS_CATEGORY.has(type) && has('vital-signs');
    case 'status=final':
      return tree.status === 'final';
    case '_id=observation-1,p1,condition-2':
      return ['observation-1', 'p1', 'condition-2'].includes(tree.id);
    default:
      return false;
  }
}

/** `Type/id` of the references at a path, without base and version. */
export function targets(tree: unknown, path: string): readonly string[] {
  const found = path.split('.').reduce<readonly unknown[]>(
    (values, name) =>
      values.flatMap((value) => {
        const inner =
          typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : [];
        return Array.isArray(inner) ? inner : [inner];
      }),
    [tree],
  );
  return found.flatMap((value) => {
    const text =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>).reference : '';
    if (typeof text !== 'string') return [];
    const match = /^([A-Z][A-Za-z]+\/[A-Za-z0-9.-]+)(\/_history\/.*)?$/.exec(text.replace(`${BASE}/`, ''));
    return match === null ? [] : [match[1] as string]; // the group is not optional
  });
}
