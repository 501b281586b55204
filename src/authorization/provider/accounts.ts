/**
 * People as oidc-provider wants to know them, and what their tokens are opened with.
 *
 * Invariant: roles and patients are those of the moment in which a token is made: what was taken from a person is gone with
 * the next one.
 */
import type { Configuration } from 'oidc-provider';
import type { GrantRecords } from '../interaction/grant-record.js';
import type { TokenContext } from '../issued-token.js';
import type { AuthorizationSettings } from '../settings.js';
import type { Users } from '../users/users.js';

export interface AccountParts {
  readonly users: Users;
  readonly grants: GrantRecords;
  readonly settings: AuthorizationSettings;
}

/** Nobody is found under the subject of a person who was disabled: codes and refresh tokens end with that. */
export function accountFinder({ users, settings }: AccountParts): NonNullable<Configuration['findAccount']> {
  return async (_ctx, subject) => {
    const user = await users.get(subject);
    if (user === undefined || user.status !== 'active') return undefined;
    return {
      accountId: subject,
      claims: async () => ({ sub: subject, fhirUser: `${settings.fhirBase}/${user.fhirUser}` }),
    };
  };
}

type Token = Parameters<NonNullable<Configuration['extraTokenClaims']>>[1];

/** Kept with an access token, told by introspection and read by the token check. */
export async function tokenContext(
  token: Token,
  { users, grants, settings }: AccountParts,
): Promise<(TokenContext & Record<string, unknown>) | undefined> {
  if (!('accountId' in token) || token.grantId === undefined) return undefined;
  const user = await users.get(token.accountId);
  if (user === undefined) return undefined;
  const { patient, encounter } = await grants.contextOf(token.grantId);
  return {
    ...(patient === undefined ? {} : { patient }),
    ...(encounter === undefined ? {} : { encounter }),
    fhirUser: `${settings.fhirBase}/${user.fhirUser}`,
    roles: user.roles,
    patients: user.patients,
  };
}
