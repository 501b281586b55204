/**
 * Who may manage the server: a service whose token has the scope for it, or an administrator who opened an app that has it.
 *
 * Invariant: the scope alone makes nobody an administrator, and the role alone makes no app a tool of one: an app that an
 * administrator opens for something else manages nothing. What the person is counts now, not what they were at sign-in.
 */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../fhir/outcome.js';
import { ADMIN_SCOPE, parseScopes } from '../smart/scope.js';
import { invalidToken } from './bearer.js';
import { type PresentedParts, presentedToken } from './presented-token.js';
import { ADMINISTRATOR, type RegisteredUser } from './users/user.js';
import type { Users } from './users/users.js';

export interface AdministratorParts extends PresentedParts {
  readonly users: Users;
}

export interface Administrator {
  /** Of the client. */
  readonly client: string;
  /** Absent: a service that acts for itself. */
  readonly person?: RegisteredUser;
}

/** Throws Refusal: 401 without a good token, 403 where it is one of somebody else. */
export async function administratorOf(
  request: IncomingMessage,
  parts: AdministratorParts,
): Promise<Administrator> {
  const { issued, client } = await presentedToken(request, parts);
  const { accountId, scope = '' } = issued;
  const person = accountId === undefined ? undefined : await parts.users.get(accountId);
  if (accountId !== undefined && person?.status !== 'active') {
    throw invalidToken('Who signed in may not come in any more.');
  }
  if (!parseScopes(scope).admin.includes(ADMIN_SCOPE)) {
    throw new Refusal('forbidden', `This needs an access token with the scope ${ADMIN_SCOPE}.`, {
      'www-authenticate': `Bearer error="insufficient_scope", scope="${ADMIN_SCOPE}"`,
    });
  }
  if (person === undefined && issued.kind === 'ClientCredentials') return { client: client.id };
  if (person?.roles.includes(ADMINISTRATOR) === true) return { client: client.id, person };
  throw new Refusal('forbidden', `This needs the role ${ADMINISTRATOR}: ask an administrator for it.`);
}
