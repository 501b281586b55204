/** Policies as they stand in the configuration. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICIES, readPolicies } from './policies.js';

const isType = (type: string) => ['Observation', 'Patient'].includes(type);

describe('the access section', () => {
  it('adds roles, and replaces those that it names', () => {
    const nurse = {
      rules: [
        {
          types: ['record', 'Patient'],
          permissions: 'rs',
          patients: '_has:CareTeam:patient:participant={fhirUser}',
        },
      ],
      withhold: ['R'],
    };
    expect(readPolicies({ roles: { nurse, practitioner: { rules: [] } } }, isType)).toEqual({
      ...DEFAULT_POLICIES,
      roles: { ...DEFAULT_POLICIES.roles, nurse, practitioner: { rules: [], withhold: [] } },
    });
    expect(readPolicies({}, isType)).toEqual(DEFAULT_POLICIES);
  });

  it.each([
    [[], 'access has to be an object'],
    [{ role: {} }, 'access has no role'],
    [{ roles: [] }, 'access.roles has to be an object'],
    [{ clients: { rules: {} } }, 'access.clients.rules has to be a list'],
    [{ clients: { rules: [{ permissions: 'r' }] } }, 'access.clients.rules[0].types has to be a list'],
    [{ clients: { rules: [{ types: ['Dragon'], permissions: 'r' }] } }, 'there is no type Dragon'],
    [{ clients: { rules: [{ types: ['*'], permissions: 'sr' }] } }, 'letters of cruds'],
    [{ clients: { rules: [{ types: ['*'], permissions: '' }] } }, 'letters of cruds'],
    [{ clients: { rules: [{ types: ['*'], permissions: 'r', where: 1 }] } }, 'where has to be a search'],
    [{ clients: { rules: [{ types: ['*'], permissions: 'r', patient: '' }] } }, 'has no patient'],
    [{ clients: { rules: [{ types: ['*'], permissions: 'r', when: true }] } }, 'when has to be FHIRPath'],
    [{ roles: { nurse: { consents: 'no' } } }, 'access.roles.nurse.consents has to be true or false'],
    [{ roles: { nurse: { breakTheGlass: 1 } } }, 'breakTheGlass has to be true or false'],
    [{ clients: { consents: 'yes' } }, 'access.clients.consents has to be true or false'],
    [{ clients: { breakTheGlass: true } }, 'access.clients has no breakTheGlass'],
    [{ clients: { withhold: [7] } }, 'access.clients.withhold has to be a list of texts'],
  ])('is refused as a whole: %j', (value, problem) => {
    const read = readPolicies(value, isType);
    expect('problems' in read ? read.problems.join('\n') : '').toContain(problem);
  });
});
