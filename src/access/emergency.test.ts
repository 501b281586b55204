/** Breaking the glass: who may, what it opens and what it does not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Refusal } from '../fhir/outcome.js';
import { askOfAudit } from '../interactions/audit/testing.js';
import { BASE, openWorld, START, type World } from '../interactions/testing.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { Grant } from '../smart/grant.js';
import { parseScopes } from '../smart/scope.js';
import { accessDecider } from './decider.js';
import { DEFAULT_POLICIES, type Policies } from './policies.js';

const R = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };
const REASON = 'unconscious after a crash';
const rules = [{ types: ['*'], permissions: 'rs' }];
const POLICIES: Policies = {
  ...DEFAULT_POLICIES,
  roles: {
    emergency: { rules, withhold: [`${R.system}|${R.code}`], breakTheGlass: true },
    clerk: { rules, withhold: [] },
  },
};

let world: World;

beforeAll(async () => {
  world = await openWorld({}, { audited: true });
  const consent = {
    resourceType: 'Consent',
    id: 'c',
    status: 'active',
    scope: { coding: [{ code: 'patient-privacy' }] },
    category: [{ text: 'x' }],
    patient: { reference: 'Patient/ann' },
    policyRule: { text: 'x' },
    provision: { type: 'deny' },
  };
  const patient = (id: string, meta: object) => ({ resourceType: 'Patient', id, ...meta });
  for (const resource of [patient('ann', {}), patient('secret', { meta: { security: [R] } }), consent]) {
    const { status } = await world.ask(`PUT ${resource.resourceType}/${resource.id}`, {
      body: { ...resource },
    });
    expect(status).toBe(201);
  }
}, 60_000);
afterAll(() => world.close());

function grantOf(role: string, scopes = 'user/*.rs', more: Partial<Grant> = {}): Grant {
  const user = { subject: 's', fhirUser: { type: 'Practitioner', id: 'd' }, roles: [role], patients: [] };
  const { resources } = parseScopes(scopes);
  return {
    principal: 'user:s client:a',
    clientId: 'a',
    scopes: resources,
    user,
    expires: START + 1e9,
    ...more,
  };
}

function broken(grant: Grant, reason = REASON, isAudited = true): AccessDecision {
  const { definitions } = world.context.knowledge;
  return accessDecider(POLICIES, BASE, isAudited).inEmergency(reason, grant, definitions, START);
}

const statusOf = async (access: AccessDecision, line: string) => (await world.as(access).ask(line)).status;

describe('breaking the glass', () => {
  it('opens what a Consent denies and what the role withholds, while others stay closed', async () => {
    const usual = accessDecider(POLICIES, BASE)(
      grantOf('emergency'),
      world.context.knowledge.definitions,
      START,
    );

    for (const line of ['GET Patient/ann', 'GET Patient/secret']) {
      expect([await statusOf(usual, line), await statusOf(broken(grantOf('emergency')), line)]).toEqual([
        404, 200,
      ]);
    }
  });

  it('is recorded with its reason before the answer', async () => {
    const batches = await world.audit.read(0, 1_000);
    const before = batches.flatMap(({ records }) => records).length;
    await statusOf(broken(grantOf('emergency')), 'GET Patient/ann');
    const records = (await world.audit.read(0, 1_000)).flatMap((batch) => batch.records).slice(before);

    expect(records.at(-1)).toMatchObject({
      interaction: 'read',
      outcome: 'success',
      emergency: REASON,
      user: 'Practitioner/d',
      client: 'a',
      patients: ['ann'],
    });
    const events = await askOfAudit(world, 'GET AuditEvent?_count=1000');
    expect(events.text).toContain(
      `"purposeOfEvent":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"`,
    );
  });

  it('opens neither scopes nor other patients than the one in context', async () => {
    const scoped = broken(grantOf('emergency', 'user/Observation.rs'));
    const inContext = broken(grantOf('emergency', 'patient/*.rs', { patient: 'secret' }));

    expect(await statusOf(scoped, 'GET Patient/ann')).toBe(403);
    expect([
      await statusOf(inContext, 'GET Patient/ann'),
      await statusOf(inContext, 'GET Patient/secret'),
    ]).toEqual([404, 200]);
  });

  it.each<[string, () => AccessDecision, number]>([
    ['to a role that may not', () => broken(grantOf('clerk')), 403],
    ['to a role that there is not', () => broken(grantOf('constructor')), 403],
    ['to a service', () => broken({ principal: 'p', clientId: 'a', scopes: [], expires: START + 1 }), 403],
    ['without a reason', () => broken(grantOf('emergency'), '   '), 400],
    ['for a reason that is too long', () => broken(grantOf('emergency'), 'x'.repeat(201)), 400],
    ['for a reason with control characters', () => broken(grantOf('emergency'), 'because\u0007because'), 400],
    ['where nothing is recorded', () => broken(grantOf('emergency'), REASON, false), 403],
  ])('is refused %s', (_why, act, status) => {
    let refusal: unknown;
    try {
      act();
    } catch (error) {
      refusal = error;
    }
    expect(refusal instanceof Refusal && refusal.status).toBe(status);
    expect(refusal).toHaveProperty('holder.agent.emergency');
  });
});
