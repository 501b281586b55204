/**
 * Policies: what people may do by their roles, and clients that act for themselves. A grant never gives more.
 *
 * Part of the configuration file, as `access`:
 *   { "clients": {rules, withhold}, "roles": { "practitioner": {rules, withhold, consents, breakTheGlass}, … } }
 *   rule      { "types": ["*"], "permissions": "rs", "where": "status=final", "patients": "general-practitioner={fhirUser}" }
 *   types     names, `*` for all but AuditEvent, `record` for those of patients' records, `shared` for those of none
 *   where     a search on the type itself
 *   patients  a search for patients: the resource must be of one of their records
 *   when      FHIRPath on who asks: where it is not true the rule grants nothing (when.ts)
 *   withhold  security labels, `system|code` or `code`: what carries one is hidden from the role
 *   consents  whether Consents of patients hold (consents.ts): for a role unless it is false, for clients where it is true
 *   breakTheGlass  true: in an emergency the role may open what Consents deny and it withholds (emergency.ts)
 * In searches {patient} stands for the ids of the user's patients, {fhirUser} for the reference to who signed in, {roles} for
 * references to their PractitionerRoles, {careTeams} for the ids of the CareTeams that they are in (who-asks.ts).
 *
 * Invariant: what has another shape is refused as a whole, with all that is wrong; nothing is left out silently.
 */
import type { Permissions } from '../smart/scope.js';
import { SHARED } from './record-types.js';

export interface Rule {
  readonly types: readonly string[];
  readonly permissions: Permissions;
  readonly where?: string;
  readonly patients?: string;
  readonly when?: string;
}

export interface Policy {
  readonly rules: readonly Rule[];
  readonly withhold: readonly string[];
  /** Whether Consents of patients hold. Left out: true for people of a role, false for clients by themselves. */
  readonly consents?: boolean;
  /** Whether people of the role may break the glass (emergency.ts); false where it is left out. */
  readonly breakTheGlass?: boolean;
}

export interface Policies {
  /** Clients that no person stands behind: backend services. */
  readonly clients: Policy;
  /** By the name of the role. A role that is not here may do nothing. */
  readonly roles: Readonly<Record<string, Policy>>;
}

/** What patients write themselves. */
const OF_PATIENTS = [
  'Appointment',
  'AppointmentResponse',
  'Communication',
  'Consent',
  'DocumentReference',
  'Goal',
];
const MEASURED = ['Observation', 'Patient', 'QuestionnaireResponse', 'Binary', 'RelatedPerson'];

export const DEFAULT_POLICIES: Policies = {
  // Naming Binary lets those be seen that say of no resource that they belong to it.
  clients: { rules: [{ types: ['*', 'Binary'], permissions: 'cruds' }], withhold: [] },
  roles: {
    patient: {
      rules: [
        { types: ['record'], permissions: 'rs', patients: '_id={patient}' },
        { types: [...OF_PATIENTS, ...MEASURED], permissions: 'cu', patients: '_id={patient}' },
        { types: ['shared'], permissions: 'rs' },
      ],
      withhold: [],
    },
    practitioner: {
      rules: [
        { types: ['*', 'Binary'], permissions: 'rs' },
        { types: ['record', 'Binary'], permissions: 'cud' },
      ],
      withhold: [],
    },
  },
};

const TEXTS = { type: 'array', items: { type: 'string', minLength: 1 } };
const POLICY_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    rules: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['types', 'permissions'],
        properties: {
          types: { ...TEXTS, minItems: 1, description: 'resource types, *, record or shared' },
          permissions: { type: 'string', pattern: '^(?=.)c?r?u?d?s?$' },
          where: { type: 'string', minLength: 1, description: 'a search on the type' },
          patients: {
            type: 'string',
            minLength: 1,
            description: 'a search for the patients whose records are meant',
          },
          when: {
            type: 'string',
            minLength: 1,
            description: 'FHIRPath on who asks, with %roles, %careTeams, %client and %scopes: must be true',
          },
        },
      },
    },
    withhold: { ...TEXTS, description: 'security labels that hide what carries them' },
  },
};
const CLIENTS_SCHEMA = {
  ...POLICY_SCHEMA,
  properties: {
    ...POLICY_SCHEMA.properties,
    consents: {
      type: 'boolean',
      default: false,
      description: 'whether Consents of patients hold for clients that act for themselves',
    },
  },
};
const ROLE_SCHEMA = {
  ...POLICY_SCHEMA,
  properties: {
    ...POLICY_SCHEMA.properties,
    consents: {
      type: 'boolean',
      default: true,
      description: 'whether Consents of patients hold for the role',
    },
    breakTheGlass: {
      type: 'boolean',
      default: false,
      description: 'whether the role may open in an emergency what Consents deny and labels withhold',
    },
  },
};

/** The JSON Schema of the `access` section. */
export const POLICIES_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    clients: CLIENTS_SCHEMA,
    roles: { type: 'object', additionalProperties: ROLE_SCHEMA },
  },
};

/** The `access` section as policies, or what is wrong with it, each with its place. */
export function readPolicies(
  value: unknown,
  isType: (type: string) => boolean,
): Policies | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const policies = read(value, { isType, problem: (text) => problems.push(text) });
  return problems.length === 0 ? policies : { problems };
}

interface Reading {
  readonly isType: (type: string) => boolean;
  readonly problem: (text: string) => void;
}

function read(value: unknown, reading: Reading): Policies {
  const { clients, roles = {} } = members(value, 'access', ['clients', 'roles'], reading);
  const named = members(roles, 'access.roles', undefined, reading);
  return {
    clients:
      clients === undefined
        ? DEFAULT_POLICIES.clients
        : switched(clients, 'access.clients', ['consents'], reading),
    roles: {
      ...DEFAULT_POLICIES.roles,
      ...Object.fromEntries(
        Object.entries(named).map(([name, policy]) => [
          name,
          switched(policy, `access.roles.${name}`, SWITCHES, reading),
        ]),
      ),
    },
  };
}

const OF_POLICY = ['rules', 'withhold'];
/** Of roles. */
const SWITCHES = ['consents', 'breakTheGlass'];

function switched(value: unknown, place: string, known: readonly string[], reading: Reading): Policy {
  const given = members(value, place, [...OF_POLICY, ...known], reading);
  const named = (names: readonly string[]) => Object.entries(given).filter(([name]) => names.includes(name));
  const switches = named(known);
  for (const [name, each] of switches) {
    if (typeof each !== 'boolean') reading.problem(`${place}.${name} has to be true or false`);
  }
  return {
    ...policyOf(Object.fromEntries(named(OF_POLICY)), place, reading),
    ...Object.fromEntries(switches),
  };
}

function policyOf(value: unknown, place: string, reading: Reading): Policy {
  const { rules = [], withhold = [] } = members(value, place, OF_POLICY, reading);
  return {
    rules: list(rules, `${place}.rules`, reading).map((rule, at) =>
      ruleOf(rule, `${place}.rules[${at}]`, reading),
    ),
    withhold: texts(withhold, `${place}.withhold`, reading),
  };
}

/** Words that stand for many types. */
const WORDS: ReadonlySet<string> = new Set(['*', 'record', 'shared']);

function ruleOf(value: unknown, place: string, reading: Reading): Rule {
  const given = members(value, place, ['types', 'permissions', 'where', 'patients', 'when'], reading);
  const types = texts(given.types, `${place}.types`, reading);
  if (types.length === 0) reading.problem(`${place}.types has to name resource types, *, record or shared`);
  for (const type of types) {
    if (!WORDS.has(type) && !reading.isType(type))
      reading.problem(`${place}.types: there is no type ${type}`);
  }
  const { permissions } = given;
  if (typeof permissions !== 'string' || !/^(?=.)c?r?u?d?s?$/.test(permissions)) {
    reading.problem(`${place}.permissions has to be letters of cruds, in that order`);
  }
  return {
    types,
    permissions: String(permissions),
    ...text(given.where, 'where', 'a search, such as status=final', place, reading),
    ...text(given.patients, 'patients', 'a search, such as _id={patient}', place, reading),
    ...text(given.when, 'when', 'FHIRPath, such as %careTeams.exists()', place, reading),
  };
}

function text(
  value: unknown,
  name: 'where' | 'patients' | 'when',
  what: string,
  place: string,
  { problem }: Reading,
): Partial<Pick<Rule, 'where' | 'patients' | 'when'>> {
  if (value === undefined) return {};
  if (typeof value === 'string' && value !== '') return { [name]: value };
  problem(`${place}.${name} has to be ${what}`);
  return {};
}

/** `known`: the members that there may be; absent: any. */
function members(
  value: unknown,
  place: string,
  known: readonly string[] | undefined,
  { problem }: Reading,
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problem(`${place} has to be an object`);
    return {};
  }
  const unknown = known === undefined ? [] : Object.keys(value).filter((name) => !known.includes(name));
  for (const name of unknown) problem(`${place} has no ${name}: it takes ${known?.join(', ')}`);
  return value as Readonly<Record<string, unknown>>; // an object, and no list
}

function list(value: unknown, place: string, { problem }: Reading): readonly unknown[] {
  if (Array.isArray(value)) return value;
  problem(`${place} has to be a list`);
  return [];
}

function texts(value: unknown, place: string, reading: Reading): readonly string[] {
  return list(value, place, reading).filter((text): text is string => {
    if (typeof text === 'string' && text !== '') return true;
    reading.problem(`${place} has to be a list of texts`);
    return false;
  });
}

/** Where policies name types that there are not: how each is called, and where. */
export function unknownTypes(
  policies: Policies,
  isType: (type: string) => boolean,
): readonly { readonly place: string; readonly type: string }[] {
  return rulesOf(policies).flatMap(({ place, rule }) =>
    rule.types
      .filter((type) => !WORDS.has(type) && !isType(type))
      .map((type) => ({ place: `${place}.types`, type })),
  );
}

/** All rules, each with its place in the configuration. */
export function rulesOf({
  clients,
  roles,
}: Policies): readonly { readonly place: string; readonly rule: Rule }[] {
  const policies = [
    ['access.clients', clients] as const,
    ...Object.entries(roles).map(([name, policy]) => [`access.roles.${name}`, policy] as const),
  ];
  return policies.flatMap(([at, { rules }]) =>
    rules.map((rule, index) => ({ place: `${at}.rules[${index}]`, rule })),
  );
}

/** Whether a rule speaks of a type. */
export function covers({ types }: Rule, type: string, isRecordType: boolean): boolean {
  if (types.includes(type)) return true;
  if (type === 'AuditEvent') return false;
  return (
    types.includes('*') ||
    (isRecordType && types.includes('record')) ||
    (types.includes('shared') && SHARED.includes(type))
  );
}
