/**
 * Searches that the authorization server makes for a person: ordinary ones, through the same interactions as everybody's, and
 * with what the policies allow the person.
 */
import type { AskAccess } from '../../access/standing.js';
import type { TenantParts } from '../../interactions/context.js';
import { handle } from '../../interactions/router.js';
import { principalOf } from '../../smart/grant.js';
import { parseScopes } from '../../smart/scope.js';
import type { RegisteredUser } from '../users/user.js';
import { matchesOf, type SearchAs } from './pickers.js';

/** What a person may be shown while choosing. */
const SCOPES = 'user/Patient.rs user/Encounter.rs';
const TIME_LIMIT = 10_000;
/** In audit records: it is the person who looks, by our own page. */
const PAGES = 'authorization-server';

export function searchAs(parts: TenantParts, decide: AskAccess): (user: RegisteredUser) => SearchAs {
  return (user) => async (query, type) => {
    const now = parts.clock.now();
    const [fhirType = '', id = ''] = user.fhirUser.split('/');
    const { knowledge } = parts;
    const grant = {
      principal: principalOf(PAGES, user.subject),
      clientId: PAGES,
      scopes: parseScopes(SCOPES).resources,
      user: {
        subject: user.subject,
        fhirUser: { type: fhirType, id },
        roles: user.roles,
        patients: user.patients,
      },
      expires: now + TIME_LIMIT,
    };
    const access = await decide(grant, knowledge.definitions, now);
    const context = { ...parts, knowledge, access, requestId: parts.newId(), deadline: now + TIME_LIMIT };
    const request = { method: 'GET', path: [type], query, header: () => undefined };
    const { status, body } = await handle(request, context);
    if (status !== 200) throw new Error(`a search for ${type} answered ${status}`);
    return matchesOf(body);
  };
}
