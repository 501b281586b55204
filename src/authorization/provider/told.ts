/**
 * What oidc-provider answered, for the audit log: tokens given and refused, what was used twice, clients that could not prove
 * themselves, requests for codes that came to nothing.
 *
 * Invariant: nothing of what was sent is told but the id of a client that is registered.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { SecurityEventName } from '../../interactions/audit/security-events.js';
import type { RegisteredClient } from '../clients/client.js';
import type { TokenContext } from '../issued-token.js';
import type { Told } from '../security-log.js';

/** Its paths whose refusals are told, and as what. */
const ROUTES: Readonly<Record<string, SecurityEventName>> = {
  authorization: 'authorize',
  pushed_authorization_request: 'authorize',
  token: 'token',
  revocation: 'revocation',
  introspection: 'client-authentication',
};
/** What oidc-provider and adapter.ts say of codes, refresh tokens and assertions that were used before. */
const USED = /already (used|consumed)|must only be used once/;

/** `error`: what the answer was made of, where it is a refusal. Undefined: nothing is to be told. */
export async function toldOf(
  ctx: KoaContextWithOIDC,
  error: Error | undefined,
  findClient: (id: string) => Promise<RegisteredClient | undefined>,
): Promise<Told | undefined> {
  const { route } = ctx.oidc ?? {}; // a path that it does not know has none
  const name = route !== undefined && Object.hasOwn(ROUTES, route) ? ROUTES[route] : undefined;
  if (name === undefined) return undefined;
  if (error === undefined) return ctx.status === 200 ? successOf(ctx, name) : undefined;
  const claimed = ctx.oidc.client?.clientId ?? ctx.oidc.params?.client_id;
  const client = typeof claimed === 'string' ? (await findClient(claimed))?.id : undefined;
  const outcome = ctx.status >= 500 ? 'error' : 'refused';
  return { event: refusedAs(name, error), outcome, client };
}

function refusedAs(name: SecurityEventName, error: Error): SecurityEventName {
  // The text for clients is the same for all that is wrong with a grant; the details are in another.
  const details = 'error_detail' in error ? String(error.error_detail) : '';
  if (USED.test(details) || USED.test(error.message)) return 'replay';
  return error.name.startsWith('InvalidClient') ? 'client-authentication' : name;
}

function successOf(ctx: KoaContextWithOIDC, name: SecurityEventName): Told | undefined {
  const { client, entities, params } = ctx.oidc;
  const common = { outcome: 'success', client: client?.clientId } as const;
  if (name === 'revocation') {
    const { AccessToken, ClientCredentials, RefreshToken } = entities;
    const found = AccessToken ?? RefreshToken ?? ClientCredentials;
    return found === undefined ? undefined : { ...common, event: 'revocation' };
  }
  if (name !== 'token') return undefined;
  const token = entities.AccessToken ?? entities.ClientCredentials;
  if (token === undefined) return undefined;
  const { fhirUser, patient } = (token.extra ?? {}) as TokenContext; // accounts.ts made it
  const person =
    'accountId' in token && fhirUser !== undefined
      ? { subject: token.accountId, fhirUser: fhirUser.split('/').slice(-2).join('/') }
      : undefined;
  const event = params?.grant_type === 'refresh_token' ? 'token-refresh' : 'token';
  return { ...common, event, person, scope: token.scope, patient };
}
