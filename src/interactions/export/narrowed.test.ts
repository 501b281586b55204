/** Files of exports after what their asker may see has changed: a policy, a role, an emergency that is over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessOf } from '../../access/grant-access.js';
import type { Policies, Policy } from '../../access/policies.js';
import { type Grant, principalOf } from '../../smart/grant.js';
import { parseScopes } from '../../smart/scope.js';
import { BASE, below, openWorld, START, type World } from '../testing.js';
import { begin, collected, type Manifest, observation, put } from './exporting/testing.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await put(world, 'Patient', 'p');
  await put(world, 'Observation', 'o', observation('p'));
  await put(world, 'Condition', 'c', {
    code: { coding: [{ code: 'x' }] },
    subject: { reference: 'Patient/p' },
  });
});
afterAll(() => world.close());

const GRANT: Grant = {
  principal: principalOf('app', 'nurse-1'),
  clientId: 'app',
  scopes: parseScopes('user/*.rs').resources,
  user: {
    subject: 'nurse-1',
    fhirUser: { type: 'Practitioner', id: 'd' },
    roles: ['nurse'],
    patients: [],
  },
  expires: START + 1e12,
};

const WIDE: Policy = { rules: [{ types: ['*'], permissions: 'rs' }], withhold: [] };
const LABEL = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R';
const only = (...types: readonly string[]): Policy => ({
  rules: types.map((type) => ({ types: [type], permissions: 'rs' })),
  withhold: [],
});
const finals: Policy['rules'][number] = { types: ['Observation'], permissions: 'rs', where: 'status=final' };
const coded: Policy['rules'][number] = { types: ['Observation'], permissions: 'rs', where: 'code=a' };

/** The same person with the role as it is then, so many milliseconds after the beginning. */
function nurse(role: Policy | undefined, after = 0, emergency?: string): World {
  const { definitions } = world.context.knowledge;
  const policies: Policies = { clients: WIDE, roles: role === undefined ? {} : { nurse: role } };
  const knowledge = { definitions, baseUrl: BASE, now: START + after };
  return world.as(accessOf(GRANT, knowledge, policies, emergency));
}

const url = ({ output }: Manifest, type: string): string =>
  below(output.find((file) => file.type === type)?.url ?? '');

async function made(by: World, line = 'GET $export'): Promise<Manifest> {
  return (await collected(by, await begin(by, line))).manifest;
}

describe('a file', () => {
  it('is given to the same role later, too, at another time for Consents', async () => {
    const file = url(await made(nurse(WIDE)), 'Observation');

    expect((await nurse(WIDE, 3_600_000).ask(`GET ${file}`)).status).toBe(200);
  });

  it('is given to a role that says the same in another order', async () => {
    const file = url(await made(nurse({ rules: [finals, coded], withhold: [] })), 'Observation');

    const answer = await nurse({ rules: [coded, finals], withhold: [] }).ask(`GET ${file}`);

    expect(answer.status, answer.text).toBe(200);
  });

  it('is given to a role that may see all by now', async () => {
    const file = url(await made(nurse({ rules: [finals], withhold: [LABEL] })), 'Observation');

    expect((await nurse({ ...WIDE, consents: false }).ask(`GET ${file}`)).status).toBe(200);
  });

  it.each<readonly [string, Policy, Policy | undefined]>([
    ['a rule that has a condition by now', WIDE, { rules: [finals], withhold: [] }],
    ['another condition', { rules: [finals], withhold: [] }, { rules: [coded], withhold: [] }],
    ['a label that is withheld by now', WIDE, { ...WIDE, withhold: [LABEL] }],
    ['Consents that are asked by now', { ...WIDE, consents: false }, WIDE],
    ['patients of their own by now', WIDE, { rules: [{ ...finals, patients: 'active=true' }], withhold: [] }],
    ['a type that the role has lost', WIDE, only('Patient')],
    ['a role that is no more', WIDE, undefined],
  ])('is refused where there is %s, with the same scopes', async (_, before, after) => {
    const file = url(await made(nurse(before)), 'Observation');

    const answer = await nurse(after).ask(`GET ${file}`);

    expect(answer.status).toBe(403);
    expect(answer.json.resourceType).toBe('OperationOutcome');
    expect(answer.text).not.toContain('"Observation","id"');
  });

  it('is refused with what to do', async () => {
    const file = url(await made(nurse(WIDE)), 'Observation');

    const answer = await nurse({ rules: [finals], withhold: [] }).ask(`GET ${file}`);

    expect(answer.json.issue[0]).toMatchObject({ severity: 'error', code: 'forbidden' });
    expect(answer.json.issue[0].details.text).toMatch(/more of Observation.* export anew/);
  });

  it.each([
    [
      'that it was chosen by',
      `$export?_type=Patient&_typeFilter=${encodeURIComponent('Patient?_has:Condition:subject:code=x')}`,
      only('Patient', 'Observation'),
    ],
    ['whose record it is from', 'Patient/$export?_type=Observation', only('Observation', 'Condition')],
  ])('is refused where a type is no longer seen %s', async (_, line, after) => {
    const { output } = await made(nurse(WIDE), `GET ${line}`);

    const answer = await nurse(after).ask(`GET ${below(output[0]?.url ?? '')}`);

    expect(answer.status).toBe(403);
    expect(answer.text).toContain('export anew');
  });

  it('that was made in an emergency is refused when that is over', async () => {
    const role: Policy = { ...WIDE, withhold: [LABEL], breakTheGlass: true };
    const file = url(await made(nurse(role, 0, 'a reason of this kind')), 'Observation');

    expect((await nurse(role).ask(`GET ${file}`)).status).toBe(403);
    expect((await nurse(role, 0, 'a reason of this kind').ask(`GET ${file}`)).status).toBe(200);
  });
});
