/** Consents of patients, through requests: who is kept from what, and from when. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../fhir/format/json.js';
import { BASE, openWorld, START, type World } from '../interactions/testing.js';
import type { GrantUser } from '../smart/grant.js';
import { parseScopes } from '../smart/scope.js';
import { accessDecider } from './decider.js';
import { DEFAULT_POLICIES, type Policies } from './policies.js';

const POLICIES: Policies = {
  ...DEFAULT_POLICIES,
  roles: {
    ...DEFAULT_POLICIES.roles,
    registrar: { rules: [{ types: ['*'], permissions: 'rs' }], withhold: [], consents: false },
  },
};
const HIV = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'HIV' };
const RESTRICTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };
const VERY = { ...RESTRICTED, code: 'V' };
const HOUR = 3_600_000;

let world: World;
let now = START;

beforeAll(async () => {
  world = await openWorld();
  for (const id of ['ann', 'bob']) {
    await put({ resourceType: 'Patient', id });
    await put(observation(`plain-${id}`, id));
    await put({ ...observation(`hiv-${id}`, id), meta: { security: [HIV] } });
    await put({ ...observation(`very-${id}`, id), meta: { security: [VERY] } });
    const subject = { reference: `Patient/${id}` };
    await put({ resourceType: 'Condition', id: `of-${id}`, subject });
    const target = [{ reference: `Observation/plain-${id}` }];
    const agent = [{ who: { display: 'x' } }];
    await put({
      resourceType: 'Provenance',
      id: `of-${id}`,
      target,
      recorded: '2024-01-01T00:00:00Z',
      agent,
    });
    const securityContext = { reference: `Observation/plain-${id}` };
    await put({ resourceType: 'Binary', id: `of-${id}`, contentType: 'text/plain', securityContext });
  }
}, 60_000);
afterAll(() => world.close());

beforeEach(async () => {
  await world.ask('DELETE Consent/c');
});

async function put(resource: JsonObject): Promise<void> {
  const { status, text } = await world.ask(`PUT ${resource.resourceType}/${resource.id}`, { body: resource });
  if (status >= 300) throw new Error(text);
}

function observation(id: string, patient: string): JsonObject {
  const subject = { reference: `Patient/${patient}` };
  return { resourceType: 'Observation', id, status: 'final', code: { text: 'x' }, subject };
}

/** Of Ann. */
function consent(provision: JsonObject | undefined, more: JsonObject = {}): Promise<void> {
  return put({
    resourceType: 'Consent',
    id: 'c',
    status: 'active',
    scope: { coding: [{ code: 'patient-privacy' }] },
    category: [{ text: 'privacy' }],
    patient: { reference: 'Patient/ann' },
    policyRule: { coding: [{ code: 'OPTIN' }] },
    ...(provision === undefined ? {} : { provision }),
    ...more,
  });
}

const decide = accessDecider(POLICIES, BASE);

function person(fhirUser: string, role: string): World {
  const [type = '', id = ''] = fhirUser.split('/');
  const user: GrantUser = {
    subject: id,
    fhirUser: { type, id },
    roles: [role],
    patients: type === 'Patient' ? [id] : [],
  };
  const scopes = parseScopes('user/*.cruds').resources;
  const grant = { principal: id, clientId: 'app', scopes, user, expires: START + 1e12 };
  return world.as(decide(grant, world.context.knowledge.definitions, now));
}

const grey = () => person('Practitioner/grey', 'practitioner');
const house = () => person('Practitioner/house', 'practitioner');

/** What of Ann is seen, by reads and by searches alike. */
async function seen(who: World): Promise<readonly string[]> {
  const ids = ['Patient/ann', 'Condition/of-ann', 'Provenance/of-ann', 'Binary/of-ann'];
  const labelled = ['plain', 'hiv', 'very'].map((each) => `Observation/${each}-ann`);
  const found: string[] = [];
  for (const key of [...ids, ...labelled]) {
    const { status } = await who.ask(`GET ${key}`);
    const [type, id] = key.split('/');
    const { json } = type === 'Binary' ? { json: undefined } : await who.ask(`GET ${type}?_id=${id}`);
    const { status: past } = await who.ask(`GET ${key}/_history/1`);
    expect([past, json?.total ?? (status === 200 ? 1 : 0)], key).toEqual([status, status === 200 ? 1 : 0]);
    if (status === 200) found.push(key);
    else expect(status).toBe(404);
  }
  return found;
}

const ALL = [
  'Patient/ann',
  'Condition/of-ann',
  'Provenance/of-ann',
  'Binary/of-ann',
  'Observation/plain-ann',
  'Observation/hiv-ann',
  'Observation/very-ann',
];
const without = (...types: readonly string[]) =>
  ALL.filter((key) => !types.some((type) => key.startsWith(type)));
const actor = (reference: string) => ({ role: { text: 'x' }, reference: { reference } });
const type = (code: string) => ({ system: 'http://hl7.org/fhir/resource-types', code });
const GREY = [actor('Practitioner/grey')];

describe('a Consent that denies', () => {
  it('closes the record to whom it names, at once, and to nobody else', async () => {
    const before = await seen(grey());
    await consent({ type: 'deny', actor: GREY });

    expect(before).toEqual(ALL);
    expect(await seen(grey())).toEqual([]);
    expect(await seen(house())).toEqual(ALL);
    await world.ask('DELETE Consent/c');
    expect(await seen(grey())).toEqual(ALL);
  });

  it('leaves other records as they are', async () => {
    await consent({ type: 'deny' });
    const { json } = await grey().ask('GET Observation?_total=accurate');
    const ids = json.entry.map((entry: { resource: JsonObject }) => entry.resource.id).sort();

    expect([json.total, ids]).toEqual([3, ['hiv-bob', 'plain-bob', 'very-bob']]);
  });

  it('closes types', async () => {
    await consent({ type: 'deny', class: [type('Condition')] });
    expect(await seen(grey())).toEqual(without('Condition'));
  });

  it('closes what carries a label, and what tells of it', async () => {
    await consent({ type: 'deny', securityLabel: [HIV] });
    expect(await seen(grey())).toEqual(without('Observation/hiv'));
    await consent({ type: 'deny', securityLabel: [RESTRICTED] });
    expect(await seen(grey())).toEqual(without('Observation/very'));
    await consent({ type: 'deny', securityLabel: [{ system: 'urn:x', code: 'secret' }] });
    expect(await seen(grey())).toEqual(without('Observation/hiv', 'Observation/very'));
  });

  it('closes an observation, what is attached to it and who made it', async () => {
    await consent({ type: 'deny', class: [type('Observation')] });
    expect(await seen(grey())).toEqual(['Patient/ann', 'Condition/of-ann']);
  });

  it('holds for its time', async () => {
    const at = (milliseconds: number) => new Date(START + milliseconds).toISOString();
    await consent({ type: 'deny', period: { start: at(HOUR), end: at(2 * HOUR) } });
    const counts: number[] = [];
    for (now of [START, START + HOUR, START + 1.5 * HOUR, START + 3 * HOUR]) {
      counts.push((await seen(grey())).length);
    }
    now = START;

    expect(counts).toEqual([ALL.length, 0, 0, ALL.length]);
  });

  it.each<[string, JsonObject]>([
    ['is not active', { status: 'inactive' }],
    ['is about research', { scope: { coding: [{ code: 'research' }] } }],
    ['is of another patient', { patient: { reference: 'Patient/bob' } }],
  ])('closes nothing of Ann where it %s', async (_why, more) => {
    await consent({ type: 'deny' }, more);
    expect(await seen(grey())).toEqual(ALL);
  });

  it('opens nothing to Ann herself that is not hers, and closes nothing of hers', async () => {
    await consent({ type: 'deny' });
    expect(await seen(person('Patient/ann', 'patient'))).toEqual(ALL);
  });

  it('does not hold for a role that is freed of it, nor for services', async () => {
    await consent({ type: 'deny' });
    expect((await person('Practitioner/clerk', 'registrar').ask('GET Patient/ann')).status).toBe(200);
  });

  it('hides from those who write, too: nothing tells it from what is not there', async () => {
    await consent({ type: 'deny' });
    const body = observation('plain-ann', 'bob');

    expect((await grey().ask('PUT Observation/plain-ann', { body })).status).toBe(404);
    expect(
      (await grey().ask('PUT Observation/nothing', { body: observation('nothing', 'bob') })).status,
    ).toBe(404);
    expect((await grey().ask('POST Observation', { body: observation('new', 'ann') })).status).toBe(201);
  });
});

describe('exceptions', () => {
  it('open what the rule closes', async () => {
    await consent({ type: 'deny', provision: [{ type: 'permit', actor: GREY }] });
    expect([await seen(grey()), await seen(house())]).toEqual([ALL, []]);

    await consent({ type: 'deny', provision: [{ type: 'permit', class: [type('Condition')] }] });
    expect(await seen(grey())).toEqual(['Condition/of-ann']);
  });

  it('close again what stands in an exception', async () => {
    const inner = [{ type: 'deny', class: [type('Condition')] }];
    await consent({ type: 'deny', provision: [{ type: 'permit', actor: GREY, provision: inner }] });
    expect([await seen(grey()), await seen(house())]).toEqual([without('Condition'), []]);
  });

  it('of what is open close', async () => {
    await consent({ type: 'permit', provision: [{ type: 'deny', actor: GREY, class: [type('Condition')] }] });
    expect([await seen(grey()), await seen(house())]).toEqual([without('Condition'), ALL]);
  });

  it('of a base rule that denies everything open', async () => {
    const policyRule = { coding: [{ code: 'OPTOUT' }] };
    await consent(undefined, { policyRule });
    expect(await seen(grey())).toEqual([]);
    await consent({ type: 'permit', actor: GREY }, { policyRule });
    expect([await seen(grey()), await seen(house())]).toEqual([ALL, []]);
  });
});

describe('what is not understood', () => {
  it.each<[string, JsonObject]>([
    ['an organisation', { type: 'deny', actor: [actor('Organization/o')] }],
    ['a purpose', { type: 'deny', purpose: [{ code: 'HMARKT' }] }],
    ['a code', { type: 'deny', code: [{ text: 'x' }] }],
    ['another kind of class', { type: 'deny', class: [{ system: 'urn:x', code: 'Condition' }] }],
    ['a time of the data', { type: 'deny', dataPeriod: { start: '2020' } }],
    ['a nested rule without a type', { provision: [{ actor: GREY }] }],
    ['a scope in words', { type: 'deny' }],
  ])('denies what it may mean: %s', async (name, provision) => {
    await consent(provision, name === 'a scope in words' ? { scope: { text: 'privacy' } } : {});
    expect(await seen(grey())).toEqual([]);
  });

  it.each<[string, JsonObject]>([
    ['an organisation', { actor: [actor('Organization/o')] }],
    ['a purpose', { purpose: [{ code: 'TREAT' }] }],
    ['data', { data: [{ meaning: 'instance', reference: { reference: 'Observation/plain-ann' } }] }],
    ['an action that is not seeing', { action: [{ coding: [{ code: 'correct' }] }] }],
    ['a label', { securityLabel: [{ system: 'urn:x', code: 'secret' }] }],
  ])('permits nothing: %s', async (_name, condition) => {
    await consent({ type: 'deny', provision: [{ type: 'permit', ...condition }] });
    expect(await seen(grey())).toEqual([]);
  });
});

describe('many Consents', () => {
  it('hold like one', { timeout: 600_000 }, async () => {
    const entry = Array.from({ length: 2_500 }, (_, at) => [
      {
        resource: { resourceType: 'Patient', id: `m${at}` },
        request: { method: 'PUT', url: `Patient/m${at}` },
      },
      {
        resource: {
          resourceType: 'Consent',
          status: 'active',
          scope: { coding: [{ code: 'patient-privacy' }] },
          category: [{ text: 'privacy' }],
          patient: { reference: `Patient/m${at}` },
          policyRule: { coding: [{ code: 'OPTIN' }] },
          provision: { type: 'deny' },
        },
        request: { method: 'POST', url: 'Consent' },
      },
    ]).flat();
    await world.ask('POST ', { body: { resourceType: 'Bundle', type: 'transaction', entry } });

    expect((await grey().ask('GET Patient/m2400')).status).toBe(404);
    expect((await grey().ask('GET Patient/bob')).status).toBe(200);
    const unhurried = grey().with({ searchTimeLimit: 300_000 });
    expect((await unhurried.ask('GET Patient?_summary=count')).json.total).toBe(2);
  });
});

describe('a service that acts for itself', () => {
  const service = (consents: boolean, ...represents: readonly string[]): World => {
    const clients = { ...DEFAULT_POLICIES.clients, consents };
    const ask = accessDecider({ ...DEFAULT_POLICIES, clients }, BASE);
    const scopes = parseScopes('system/*.rs').resources;
    const grant = { principal: 'client:s', clientId: 's', scopes, represents, expires: START + 1e12 };
    return world.as(ask(grant, world.context.knowledge.definitions, now));
  };
  const permits = (reference: string, more: JsonObject = {}): JsonObject => ({
    type: 'deny',
    provision: [{ type: 'permit', actor: [{ role: { text: 'x' }, reference: { reference } }], ...more }],
  });
  const OBSERVATIONS = ['Observation/plain-ann', 'Observation/hiv-ann', 'Observation/very-ann'];

  it('is kept from nothing unless the policy says so', async () => {
    await consent({ type: 'deny' });

    expect(await seen(service(false))).toHaveLength(7);
    expect(await seen(service(true))).toEqual([]);
  });

  it('is kept from what is denied to all, not from what is denied to a person', async () => {
    const actor = [{ role: { text: 'x' }, reference: { reference: 'Practitioner/grey' } }];
    await consent({ type: 'deny', actor });

    expect(await seen(service(true, 'Organization/lab'))).toHaveLength(7);
  });

  it.each(['Organization/lab', 'Device/scanner'])(
    'is permitted what is permitted to %s for which it stands',
    async (reference) => {
      await consent(permits(reference));

      expect(await seen(service(true, 'Organization/other', reference))).toHaveLength(7);
      expect(await seen(service(true, 'Organization/other'))).toEqual([]);
      expect(await seen(service(true))).toEqual([]);
      expect(await seen(grey())).toEqual([]);
    },
  );

  it('is permitted it by class and in its time alone', async () => {
    const types = [{ system: 'http://hl7.org/fhir/resource-types', code: 'Observation' }];
    await consent(permits('Organization/lab', { class: types }));
    expect(await seen(service(true, 'Organization/lab'))).toEqual(expect.arrayContaining(OBSERVATIONS));
    expect(await seen(service(true, 'Organization/lab'))).not.toContain('Condition/of-ann');

    await consent(permits('Organization/lab', { period: { end: '2020' } }));
    expect(await seen(service(true, 'Organization/lab'))).toEqual([]);
  });

  it('is denied what is denied to an organisation, as all are', async () => {
    const actor = [{ role: { text: 'x' }, reference: { reference: 'Organization/lab' } }];
    await consent({ type: 'deny', actor });

    expect(await seen(service(true, 'Organization/lab'))).toEqual([]);
    expect(await seen(service(true, 'Organization/other'))).toEqual([]);
  });
});
