/** Rules that look at who asks: conditions, and searches for the records of one's teams. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../base/log.js';
import type { JsonObject } from '../fhir/format/json.js';
import { BASE, openWorld, type World } from '../interactions/testing.js';
import type { Grant } from '../smart/grant.js';
import { parseScopes } from '../smart/scope.js';
import { DEFAULT_POLICIES, type Policies, type Rule } from './policies.js';
import { type AskAccess, HOLDS, standingDecider } from './standing.js';
import { readConditions } from './when.js';

const DAY = 86_400_000;
const TEAM_RECORDS = '_has:CareTeam:patient:_id={careTeams}';
const isDoctor = "%roles.code.coding.where(code = 'doctor').exists()";

let world: World;
let warnings: string[];

const log: Logger = {
  ...silentLogger,
  warn: (fields, message) => warnings.push(`${Object.values(fields).join(' ')}: ${message}`),
};

beforeAll(async () => {
  world = await openWorld();
  for (const id of ['ann', 'bob']) await put({ resourceType: 'Patient', id });
  await put({ resourceType: 'Practitioner', id: 'grey', active: true });
  await put({ resourceType: 'Practitioner', id: 'house' });
}, 60_000);
afterAll(() => world.close());

beforeEach(async () => {
  warnings = [];
  world.wait(HOLDS);
  await put(role());
  await put(team());
});

async function put(resource: JsonObject): Promise<void> {
  const { status, text } = await world.ask(`PUT ${resource.resourceType}/${resource.id}`, { body: resource });
  if (status >= 300) throw new Error(text);
}

/** Of Grey. */
function role(more: JsonObject = {}): JsonObject {
  return {
    resourceType: 'PractitionerRole',
    id: 'of-grey',
    practitioner: { reference: 'Practitioner/grey' },
    code: [{ coding: [{ code: 'doctor' }] }],
    ...more,
  };
}

/** For Ann, with Grey in it. */
function team(more: JsonObject = {}, participant: JsonObject = {}): JsonObject {
  const member = { reference: `${BASE}/Practitioner/grey` };
  return {
    resourceType: 'CareTeam',
    id: 't',
    status: 'active',
    subject: { reference: 'Patient/ann' },
    participant: [{ member: { reference: 'Practitioner/wilson' } }, { member, ...participant }],
    ...more,
  };
}

const date = (days: number): string => new Date(world.context.clock.now() + days * DAY).toISOString();

function ruled(rule: Partial<Rule>, of: 'clients' | 'role' = 'role'): Promise<AskAccess> {
  const rules = [{ types: ['Patient'], permissions: 'rs', ...rule }];
  const policies: Policies =
    of === 'clients'
      ? { clients: { rules, withhold: [] }, roles: {} }
      : { clients: DEFAULT_POLICIES.clients, roles: { clinician: { rules, withhold: [] } } };
  return deciderOf(policies);
}

async function deciderOf(policies: Policies): Promise<AskAccess> {
  const conditions = await readConditions(policies);
  if ('problems' in conditions) throw new Error(conditions.problems.map(({ problem }) => problem).join());
  const { backend } = world.context;
  return standingDecider({ policies, conditions, baseUrl: BASE, isAudited: true, backend, log });
}

function grantOf(fhirUser: string | undefined, more: Partial<Grant> = {}): Grant {
  const [type = '', id = ''] = (fhirUser ?? '').split('/');
  const person = { subject: id, fhirUser: { type, id }, roles: ['clinician'], patients: [] };
  return {
    principal: 'p',
    clientId: 'app',
    scopes: parseScopes(fhirUser === undefined ? 'system/*.rs' : 'user/*.rs').resources,
    ...(fhirUser === undefined ? {} : { user: person }),
    expires: world.context.clock.now() + DAY,
    ...more,
  };
}

/** The ids of the patients that a search by the holder finds. */
async function seen(decide: AskAccess, grant: Grant = grantOf('Practitioner/grey')): Promise<string[]> {
  const { knowledge, clock } = world.context;
  const decision = await decide(grant, knowledge.definitions, clock.now());
  const { status, json } = await world.as(decision).ask('GET Patient?_sort=_id');
  if (status === 403) return [];
  return (json.entry ?? []).map((entry: { resource: { id: string } }) => entry.resource.id);
}

describe('a condition', () => {
  it.each([
    ['active', ['ann', 'bob']],
    ['active.not()', []],
    ["$this is Practitioner and id = 'grey'", ['ann', 'bob']],
    [isDoctor, ['ann', 'bob']],
    ["%roles.code.coding.code = 'nurse'", []],
    ['%careTeams.count() = 1', ['ann', 'bob']],
    ["%client = 'app' and 'user/*.rs' in %scopes", ['ann', 'bob']],
    ["%client = 'other'", []],
    // Neither true nor false: one value that is no boolean, and none.
    ['id', []],
    ['birthDate > today()', []],
    ['true | false', []],
  ])('%s gives %j', async (when, ids) => {
    expect(await seen(await ruled({ when }))).toEqual(ids);
    expect(warnings).toEqual([]);
  });

  it('is about each person by themselves', async () => {
    const decide = await ruled({ when: isDoctor });

    expect(await seen(decide)).toEqual(['ann', 'bob']);
    expect(await seen(decide, grantOf('Practitioner/house'))).toEqual([]);
    expect(await seen(decide, grantOf('Practitioner/nobody'))).toEqual([]);
    expect(await seen(decide, grantOf('Practitioner/x,Practitioner/grey'))).toEqual([]);
  });

  it('leaves what other rules give', async () => {
    const rules = [
      { types: ['Patient'], permissions: 'rs', when: 'false' },
      { types: ['Patient'], permissions: 'rs', where: '_id=bob' },
    ];
    const decide = await deciderOf({
      ...DEFAULT_POLICIES,
      roles: { clinician: { rules, withhold: [] } },
    });

    expect(await seen(decide)).toEqual(['bob']);
  });

  it('that cannot be evaluated grants nothing, and the log says which, without what it was about', async () => {
    const decide = await ruled({ when: "(%roles.id | 'two').single() = 'of-grey'" });

    expect(await seen(decide)).toEqual([]);
    expect(warnings).toEqual([
      'access.roles.clinician.rules[0].when it could not be evaluated: ' +
        'a condition of the access policies granted nothing',
    ]);
  });

  it('speaks of clients that act for themselves, who have no roles', async () => {
    const service = (clientId: string) => grantOf(undefined, { clientId });
    const named = await ruled({ when: "%client = 'export' and %roles.empty() and id.empty()" }, 'clients');

    expect(await seen(named, service('export'))).toEqual(['ann', 'bob']);
    expect(await seen(named, service('other'))).toEqual([]);
  });
});

describe('the records of my care teams', () => {
  it.each<[string, JsonObject, JsonObject, string[]]>([
    ['one that I am in', {}, {}, ['ann']],
    ['one that holds now', { period: { start: '2020', end: '2999' } }, {}, ['ann']],
    ['one that has ended', { period: { end: '2020' } }, {}, []],
    ['one that is only proposed', { status: 'proposed' }, {}, []],
    ['one that I have left', {}, { period: { end: '2020-01' } }, []],
    ['one that I am to join', {}, { period: { start: '2999' } }, []],
    ['one that my role is in', {}, { member: { reference: 'PractitionerRole/of-grey' } }, ['ann']],
    ['one of others', {}, { member: { reference: 'Practitioner/house' } }, []],
    ['one of somebody elsewhere', {}, { member: { reference: 'https://x.example/Practitioner/grey' } }, []],
  ])('%s', async (_which, more, participant, ids) => {
    await put(team(more, participant));

    expect(await seen(await ruled({ patients: TEAM_RECORDS }))).toEqual(ids);
  });

  it('by a role that is no longer held, nothing', async () => {
    await put(team({}, { member: { reference: 'PractitionerRole/of-grey' } }));
    const decide = await ruled({ patients: '_has:CareTeam:patient:participant={roles}' });
    expect(await seen(decide)).toEqual(['ann']);

    await put(role({ active: false }));
    world.wait(HOLDS);

    expect(await seen(decide)).toEqual([]);
  });

  it('of more teams than are read, nothing, and the log says so of conditions', async () => {
    const { resourceType, ...rest } = team();
    const entry = Array.from({ length: 101 }, (_, index) => ({
      request: { method: 'PUT', url: `CareTeam/many-${index}` },
      resource: { resourceType, ...rest, id: `many-${index}` } as JsonObject,
    }));
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry };
    expect((await world.ask('POST ', { body: bundle })).status).toBe(200);

    expect(await seen(await ruled({ patients: TEAM_RECORDS }))).toEqual([]);
    expect(await seen(await ruled({ when: '%careTeams.exists()' }))).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('there are too many %careTeams')]);

    for (const { request } of entry) await world.ask(`DELETE ${request.url}`);
  });
});

describe('a decision', () => {
  it('ends with the role that it rests on, within moments, in every process', async () => {
    const [here, elsewhere] = [await ruled({ when: isDoctor }), await ruled({ when: isDoctor })];
    const { knowledge, clock } = world.context;
    const decision = await here(grantOf('Practitioner/grey'), knowledge.definitions, clock.now());
    expect([await seen(here), await seen(elsewhere)]).toEqual([
      ['ann', 'bob'],
      ['ann', 'bob'],
    ]);
    expect(decision.until).toBe(clock.now() + HOLDS);
    expect(HOLDS).toBeLessThan(5_000);

    await put(role({ period: { end: date(-1) } }));
    world.wait(HOLDS);

    expect([await seen(here), await seen(elsewhere)]).toEqual([[], []]);
  });

  it('is made without waiting where no rule looks at who asks', async () => {
    const decide = await deciderOf(DEFAULT_POLICIES);
    const { knowledge, clock } = world.context;

    expect(decide(grantOf(undefined), knowledge.definitions, clock.now())).not.toBeInstanceOf(Promise);
  });
});

describe('what is no condition', () => {
  it('is refused with all that is wrong, each with its place', async () => {
    const written = [
      'active and',
      'practitioner.resolve().active',
      "identifier.value.matches('(a+)+$')",
      '%user.active',
      'repeat(item).trace(1).exists()',
      `active = '${'x'.repeat(2_000)}'`,
    ];
    const rules = written.map((when) => ({ types: ['*'], permissions: 'r', when }));
    const read = await readConditions({ ...DEFAULT_POLICIES, roles: { nurse: { rules, withhold: [] } } });

    expect('problems' in read ? read.problems : []).toEqual([
      { place: 'access.roles.nurse.rules[0].when', problem: expect.stringMatching(/^it is no FHIRPath: /) },
      { place: 'access.roles.nurse.rules[1].when', problem: expect.stringContaining('function resolve()') },
      { place: 'access.roles.nurse.rules[2].when', problem: expect.stringContaining('function matches()') },
      { place: 'access.roles.nurse.rules[3].when', problem: expect.stringContaining('variable %user') },
      {
        place: 'access.roles.nurse.rules[4].when',
        problem: 'conditions do not have the function repeat(), the function trace()',
      },
      { place: 'access.roles.nurse.rules[5].when', problem: expect.stringContaining('2000 characters') },
    ]);
  });
});
