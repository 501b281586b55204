/** What grants and policies come to, type by type; that it holds everywhere is the leak hunt's to show. */
import { describe, expect, it, test } from 'vitest';
import { readDefinitions } from '../definitions-file.js';
import { SECURITY_CONTEXT } from '../fhir/search/index-value.js';
import type { Predicate } from '../fhir/search/query.js';
import { holds, type Permission, visible } from '../ports/access-filter.js';
import type { Grant, GrantUser } from '../smart/grant.js';
import { parseScopes } from '../smart/scope.js';
import { accessDecider } from './decider.js';
import { accessOf } from './grant-access.js';
import { DEFAULT_POLICIES, type Policies, type Rule } from './policies.js';

const definitions = readDefinitions();
const NOW = 1_000;
const KNOWLEDGE = { definitions, baseUrl: 'http://fairway.test/fhir', now: NOW };
const PERMISSIONS: readonly Permission[] = ['create', 'read', 'update', 'delete', 'search'];
const EVERYTHING: Predicate = { op: 'everything' };
const NOTHING: Predicate = { op: 'nothing' };
const P1: Predicate = { op: 'compartment', name: 'Patient', id: 'p1' };
const ANNE: GrantUser = {
  subject: 'anne',
  fhirUser: { type: 'Patient', id: 'p1' },
  roles: ['patient'],
  patients: ['p1', 'child'],
};
const DOCTOR: GrantUser = {
  subject: 'doctor',
  fhirUser: { type: 'Practitioner', id: 'd1' },
  roles: ['practitioner'],
  patients: [],
};

/** What Consents close is for consents.test.ts to show. */
const UNCLOSED: Policies = {
  ...DEFAULT_POLICIES,
  roles: Object.fromEntries(
    Object.entries(DEFAULT_POLICIES.roles).map(([name, role]) => [name, { ...role, consents: false }]),
  ),
};

function grantOf(scopes: string, more: Partial<Grant> = {}): Grant {
  return {
    principal: 'client:app',
    clientId: 'app',
    scopes: parseScopes(scopes).resources,
    expires: NOW + 1,
    ...more,
  };
}

function seen(type: string, scopes: string, more: Partial<Grant> = {}, policies = UNCLOSED): Predicate {
  return visible(accessOf(grantOf(scopes, more), KNOWLEDGE, policies).read, type);
}

/** The letters that are held for a type, whatever of it. */
function letters(type: string, scopes: string, more: Partial<Grant> = {}, policies = UNCLOSED): string {
  const decision = accessOf(grantOf(scopes, more), KNOWLEDGE, policies);
  return PERMISSIONS.filter((permission) => holds(decision[permission], type))
    .map((permission) => permission.charAt(0))
    .join('');
}

function withRule(rule: Rule, withhold: readonly string[] = []): Policies {
  return { ...UNCLOSED, roles: { practitioner: { rules: [rule], withhold, consents: false } } };
}

const inContext = { patient: 'p1' };

describe('the decision', () => {
  it('says who it is for: the client, the person and the scopes', () => {
    const grant = grantOf('user/*.rs user/Observation.read', { user: DOCTOR });
    const agent = { client: 'app', user: 'Practitioner/d1', scope: 'user/*.rs user/Observation.read' };

    expect(accessOf(grant, KNOWLEDGE, DEFAULT_POLICIES).agent).toEqual(agent);
    const decide = accessDecider(DEFAULT_POLICIES, KNOWLEDGE.baseUrl);
    expect(decide(grant, definitions, NOW).agent).toEqual(agent);
    expect(decide(grant, definitions, grant.expires).agent).toEqual(agent);
  });
});

describe('a patient scope', () => {
  it('is about the record of the patient in context', () => {
    expect(seen('Observation', 'patient/*.rs', inContext)).toEqual(P1);
    expect(seen('Patient', 'patient/*.rs', inContext)).toEqual({ op: 'id', ids: ['p1'] });
    expect(seen('Device', 'patient/*.rs', inContext)).toEqual({
      op: 'value',
      param: 'patient',
      test: { kind: 'reference-set', type: 'Patient', ids: ['p1'] },
    });
  });

  it('covers every type of the compartment but those that tell of others', () => {
    const members = [...(definitions.compartments.get('Patient')?.keys() ?? [])];
    const covered = members.filter((type) => seen(type, 'patient/*.rs', inContext).op !== 'nothing');
    expect(members.filter((type) => !covered.includes(type))).toEqual(['AuditEvent', 'Group']);
  });

  it('lets shared types be read, and not be written', () => {
    expect(letters('Organization', 'patient/*.cruds', inContext)).toBe('rs');
    expect(letters('Organization', 'patient/Observation.cruds', inContext)).toBe('');
  });

  it('grants shared types only where the policy does', () => {
    const policies = withRule({ types: ['record'], permissions: 'cruds' });
    expect(letters('Organization', 'patient/*.rs', { ...inContext, user: DOCTOR }, policies)).toBe('');
  });

  it.each(['Subscription', 'Bundle', 'Group', 'AuditEvent', 'Parameters', 'Linkage', 'MessageHeader'])(
    'grants nothing of %s',
    (type) => expect(letters(type, `patient/*.cruds patient/${type}.cruds`, inContext)).toBe(''),
  );

  it('grants nothing without a patient, or with what is no id', () => {
    expect(seen('Observation', 'patient/*.rs')).toEqual(NOTHING);
    expect(seen('Observation', 'patient/*.rs', { patient: 'p1,p2' })).toEqual(NOTHING);
  });

  it('grants no more than the user may do', () => {
    expect(letters('Observation', 'patient/*.cruds', { ...inContext, user: ANNE })).toBe('crus');
    expect(letters('Condition', 'patient/*.cruds', { ...inContext, user: ANNE })).toBe('rs');
    expect(seen('Condition', 'patient/*.cruds', { patient: 'p9', user: ANNE })).toMatchObject({ op: 'and' });
  });

  it('lets a Binary be seen through what it belongs to, and no other', () => {
    const linked = {
      op: 'chain',
      param: SECURITY_CONTEXT,
      targets: [{ type: 'DocumentReference', where: P1 }],
    };
    expect(seen('Binary', 'patient/Binary.r patient/DocumentReference.r', inContext)).toMatchObject({
      op: 'and',
      of: [linked, {}],
    });
    const asAnne = { ...inContext, user: { ...ANNE, patients: ['p1'] } };
    expect(seen('Binary', 'patient/Binary.r patient/DocumentReference.r', asAnne)).toEqual(linked);
    expect(seen('Binary', 'patient/Binary.r', inContext)).toEqual(NOTHING);
  });

  it('lets a Provenance be seen through its targets', () => {
    expect(seen('Provenance', 'patient/Provenance.r patient/Observation.r', inContext)).toEqual({
      op: 'or',
      of: [P1, { op: 'chain', param: 'target', targets: [{ type: 'Observation', where: P1 }] }],
    });
  });
});

describe('a user scope', () => {
  it('gives a patient all the records that are theirs to open', () => {
    const own = { op: 'or', of: [P1, { op: 'compartment', name: 'Patient', id: 'child' }] };
    expect(seen('Observation', 'user/*.rs', { user: ANNE })).toEqual(own);
  });

  it('gives a clinician what the policy says', () => {
    expect(seen('Observation', 'user/*.rs', { user: DOCTOR })).toEqual(EVERYTHING);
    const ofTheirs = { types: ['record'], permissions: 'rs', patients: 'general-practitioner={fhirUser}' };
    expect(seen('Encounter', 'user/*.rs', { user: DOCTOR }, withRule(ofTheirs))).toMatchObject({
      op: 'chain',
      param: 'patient',
      targets: [{ type: 'Patient', where: { op: 'value', param: 'general-practitioner' } }],
    });
  });

  it.each([
    ['without a user', {}],
    ['with a role that no policy knows', { user: { ...DOCTOR, roles: ['surgeon'] } }],
    [
      'with a role named like what every object has',
      { user: { ...DOCTOR, roles: ['constructor', '__proto__'] } },
    ],
    ['without a role', { user: { ...DOCTOR, roles: [] } }],
    ['of a patient with no record', { user: { ...ANNE, patients: [] } }],
    ['of a patient whose id is none', { user: { ...ANNE, patients: ['p1&_id:not=x'] } }],
  ])('grants nothing %s', (_name, more) => {
    expect(seen('Observation', 'user/*.rs', more)).toEqual(NOTHING);
  });
});

describe('a system scope', () => {
  it('gives a client of its own all types but those that are asked for by name', () => {
    expect(seen('Observation', 'system/*.rs')).toEqual(EVERYTHING);
    expect(seen('Binary', 'system/*.rs')).toEqual(EVERYTHING);
    expect(seen('AuditEvent', 'system/*.rs')).toEqual(NOTHING);
    expect(seen('AuditEvent', 'system/AuditEvent.rs')).toEqual(NOTHING);
  });

  it('grants AuditEvent where the scope and the policy name it', () => {
    const clients = { rules: [{ types: ['AuditEvent'], permissions: 'rs' }], withhold: [] };
    const policies = { ...DEFAULT_POLICIES, clients };
    expect(seen('AuditEvent', 'system/AuditEvent.rs', {}, policies)).toEqual(EVERYTHING);
    expect(seen('AuditEvent', 'system/*.rs', {}, policies)).toEqual(NOTHING);
  });

  it('grants nothing where a person stands behind the client', () => {
    expect(seen('Observation', 'system/*.rs', { user: DOCTOR })).toEqual(NOTHING);
  });
});

describe('permissions', () => {
  it.each([
    ['system/Observation.read', 'rs'],
    ['system/Observation.write', 'cud'],
    ['system/Observation.*', 'cruds'],
    ['system/Observation.r system/*.s', 'rs'],
    ['system/Condition.cruds', ''],
  ])('%s is %s', (scopes, expected) => expect(letters('Observation', scopes)).toBe(expected));

  test('end with the grant', () => {
    expect(letters('Observation', 'system/*.cruds', { expires: NOW })).toBe('');
  });
});

describe('a constraint', () => {
  const category = { op: 'value', param: 'category' };

  it('narrows; several for one type widen', () => {
    expect(seen('Observation', 'patient/Observation.rs?category=a', inContext)).toMatchObject({
      op: 'and',
      of: [P1, category],
    });
    const both = 'system/Observation.rs?category=a system/Observation.rs?category=b';
    expect(seen('Observation', both)).toMatchObject({ op: 'or', of: [category, category] });
    expect(seen('Observation', `${both} system/Observation.r`)).toEqual(EVERYTHING);
  });

  it('of all types narrows those that know its parameter and denies the others', () => {
    expect(seen('Condition', 'system/*.rs?category=a')).toMatchObject(category);
    expect(seen('Patient', 'system/*.rs?category=a')).toEqual(NOTHING);
  });

  it.each([
    'nonsense=1',
    'category:nonsense=a',
    'date=yesterday',
    '_count=5',
    '_include=*',
    '_format=json',
    'code:in=http://example.org/ValueSet/x',
    'code:below=http://loinc.org|1',
    '_text=heart',
    '_content:not=heart',
    'subject.name=x',
    'subject:Patient._id=p2',
    '_has:Provenance:target:agent=x',
    '_list=l',
    '_filter=subject.name eq "x"',
  ])('that cannot be judged grants nothing: %s', (constraint) => {
    expect(seen('Observation', `system/Observation.rs?${constraint}`)).toEqual(NOTHING);
  });
});

describe('labels that a policy withholds', () => {
  it('hide what carries them', () => {
    const policies = withRule({ types: ['*'], permissions: 'rs' }, ['http://labels.test|R']);
    expect(seen('Observation', 'user/*.rs', { user: DOCTOR }, policies)).toMatchObject({
      op: 'not',
      of: { op: 'value', param: '_security', test: { kind: 'token', system: 'http://labels.test' } },
    });
  });

  it('hide everything where they cannot be read', () => {
    const policies = withRule({ types: ['*'], permissions: 'rs' }, ['a|b|c$|']);
    const labelled = seen('Observation', 'user/*.rs', { user: DOCTOR }, policies);
    expect(['nothing', 'not']).toContain(labelled.op);
  });
});

describe('a rule', () => {
  it.each([
    ['a search that is none', { where: 'nonsense=1' }],
    ['a search for patients that is none', { patients: 'nonsense=1' }],
    ['a placeholder that nothing fills', { patients: '_id={patient}' }],
    ['a set that is looked up by its name', { where: 'code:in=ValueSet/x' }],
  ])('with %s allows nothing', (_name, more) => {
    const policies = withRule({ types: ['Observation'], permissions: 'rs', ...more });
    expect(seen('Observation', 'user/*.rs', { user: DOCTOR }, policies)).toEqual(NOTHING);
  });
});

describe('the decider', () => {
  const decide = accessDecider(DEFAULT_POLICIES, KNOWLEDGE.baseUrl);

  it('keeps the decision of equal grants, and of no others', () => {
    const first = decide(grantOf('patient/*.rs', inContext), definitions, NOW);
    expect(decide(grantOf('patient/*.rs', inContext), definitions, NOW)).toBe(first);
    for (const other of [grantOf('patient/*.r', inContext), grantOf('patient/*.rs', { patient: 'p2' })]) {
      expect(decide(other, definitions, NOW)).toEqual(accessOf(other, KNOWLEDGE, DEFAULT_POLICIES));
    }
    expect(decide(grantOf('patient/*.rs', inContext), { ...definitions }, NOW)).not.toBe(first);
  });

  it('grants nothing past the end', () => {
    const late = decide(grantOf('patient/*.rs', inContext), definitions, NOW + 1);
    expect(late.read).toEqual({ kind: 'restricted', byType: {} });
  });
});
