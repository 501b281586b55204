/**
 * Grants and policies of the leak hunt: every kind of scope, in both notations, wise ones and foolish ones.
 */
import { DEFAULT_POLICIES, type Policies } from '../../../access/policies.js';
import type { Dice } from '../../../ports/dice.js';
import { type Grant, principalOf } from '../../../smart/grant.js';
import { parseScopes } from '../../../smart/scope.js';
import { START } from '../../testing.js';
import { PATIENTS, PRACTITIONERS, TYPES } from '../ward/testing.js';

export const LABEL = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R';

/** The checker has its own understanding of each role. */
export const POLICIES: Policies = {
  clients: DEFAULT_POLICIES.clients,
  roles: {
    ...DEFAULT_POLICIES.roles,
    auditor: { rules: [{ types: ['AuditEvent'], permissions: 'rs' }], withhold: [] },
    careTeam: {
      rules: [
        { types: ['record'], permissions: 'rsu', patients: 'general-practitioner={fhirUser}' },
        { types: ['shared'], permissions: 'rs' },
      ],
      withhold: [],
    },
    discreet: { rules: [{ types: ['*'], permissions: 'cruds' }], withhold: [LABEL] },
    finals: {
      rules: [{ types: ['Observation'], permissions: 'cruds', where: 'status=final' }],
      withhold: [],
    },
  },
};

/** The same, and clients are kept from what is labelled. */
export const DISCREET_POLICIES: Policies = {
  ...POLICIES,
  clients: { ...DEFAULT_POLICIES.clients, withhold: [LABEL] },
};

export const ROLES = [
  'patient',
  'practitioner',
  'careTeam',
  'discreet',
  'finals',
  'auditor',
  'unheard-of',
] as const;

const CONSTRAINTS = [
  'category=laboratory',
  'category:not=laboratory',
  'category=http://codes.test|vital-signs',
  'status=final',
  '_id=observation-1,p1,condition-2',
  // None of these grants anything.
  'nonsense=1',
  'subject.active=true',
  '_has:Provenance:target:agent=Practitioner/d1',
  'code:in=ValueSet/valueset-1',
  '_text=house',
  '_count=3',
  '_list=list-1',
] as const;
const PERMISSIONS = [
  'rs',
  'rs',
  'cruds',
  'cruds',
  'r',
  's',
  'cud',
  'u',
  'd',
  'c',
  'read',
  'write',
  '*',
] as const;

export interface Holder {
  readonly grant: Grant;
  readonly policies: Policies;
  readonly discreet: boolean;
}

export function anyHolder(dice: Dice): Holder {
  const discreet = dice.below(3) === 0;
  const context = dice.pick(['patient', 'patient', 'patient', 'user', 'user', 'system']);
  const hasUser = context === 'user' || (context === 'patient' && dice.below(3) > 0) || dice.below(12) === 0;
  const wild = dice.below(3) > 0 ? [anyScope(context, '*', dice)] : [];
  const named = dice.some(4, () => anyScope(context, dice.pick(TYPES), dice));
  const other =
    dice.below(8) === 0 ? [anyScope(dice.pick(['patient', 'user', 'system']), dice.pick(TYPES), dice)] : [];
  const audit = dice.below(6) === 0 ? [`${context}/AuditEvent.rs`] : [];
  const { resources } = parseScopes([...wild, ...named, ...other, ...audit].join(' '));
  const subject = `s${dice.below(1_000_000)}`;
  const grant: Grant = {
    principal: principalOf('hunter', subject),
    clientId: 'hunter',
    scopes: resources,
    ...(context === 'patient' && dice.below(20) > 0 ? { patient: dice.pick(PATIENTS) } : {}),
    ...(hasUser ? { user: anyUser(subject, dice) } : {}),
    expires: dice.below(40) === 0 ? START - 1 : START + 1e12,
  };
  return { grant, policies: discreet ? DISCREET_POLICIES : POLICIES, discreet };
}

function anyScope(context: string, type: string, dice: Dice): string {
  const permissions = dice.pick(PERMISSIONS);
  const first = permissions === 'read' || permissions === 'write' || permissions === '*';
  const constraint = !first && dice.below(4) === 0 ? `?${dice.pick(CONSTRAINTS)}` : '';
  return `${context}/${type}.${permissions}${constraint}`;
}

function anyUser(subject: string, dice: Dice): NonNullable<Grant['user']> {
  const role = dice.pick(ROLES);
  const isPatient = role === 'patient';
  return {
    subject,
    fhirUser: isPatient
      ? { type: 'Patient', id: dice.pick(PATIENTS) }
      : { type: 'Practitioner', id: dice.pick(PRACTITIONERS) },
    roles: dice.below(8) === 0 ? [role, dice.pick(ROLES)] : [role],
    patients: isPatient ? [dice.pick(PATIENTS), ...dice.some(1, () => dice.pick(PATIENTS))] : [],
  };
}
