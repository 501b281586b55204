/**
 * How oidc-provider is set up: what OAuth leaves open, decided as SMART wants it.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
 *
 * Invariants
 * - A code is bound to a S256 challenge, a token to our FHIR base.
 * - Scopes of resources are decided by getResourceServerInfo alone, for each request.
 */
import type { Adapter, Client, Configuration, JWKS, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Clock } from '../../base/clock.js';
import type { RegisteredClient } from '../clients/client.js';
import { originsOf } from '../clients/client.js';
import { ASSERTION_ALGORITHMS } from '../clients/key-set.js';
import { endpointsOf } from '../discovery.js';
import type { GrantRecords } from '../interaction/grant-record.js';
import { pageHeaders } from '../pages/frame.js';
import { tellingPage } from '../pages/plain-pages.js';
import { IDENTITY_SCOPES, personScopes, resourceScopes, systemScopes } from '../scopes.js';
import type { AuthorizationSettings } from '../settings.js';
import type { Users } from '../users/users.js';
import { accountFinder, tokenContext } from './accounts.js';
import { checkAssertion } from './assertion.js';
import { AUTHORIZE, audienceOf, LAUNCH_PARAMETERS, PUSH } from './authorize-request.js';
import { APP_TOKEN_LIFE, lifetimes } from './lifetimes.js';
import { END_SESSION, signOutFeature } from './sign-out.js';

export interface ConfigurationParts {
  readonly clock: Clock;
  readonly settings: AuthorizationSettings;
  readonly jwks: JWKS;
  readonly cookieKey: string;
  readonly adapter: (model: string) => Adapter;
  /** Undefined where there is none, or it is not active. */
  readonly findClient: (id: string) => Promise<RegisteredClient | undefined>;
  readonly isResourceType: (type: string) => boolean;
  readonly users: Users;
  readonly grants: GrantRecords;
  /** Fetches the key sets of clients. */
  readonly fetch: Configuration['fetch'];
}

/** Seconds that clocks may differ. */
const SKEW = 30;
const RANDOM_BITS = 256;

export function configuration(parts: ConfigurationParts): Configuration {
  const { settings, jwks, cookieKey, adapter, fetch } = parts;
  return {
    adapter,
    jwks,
    cookies: cookies(settings, cookieKey),
    ...(fetch === undefined ? {} : { fetch }),
    clockTolerance: SKEW,
    formats: { bitsOfOpaqueRandomness: RANDOM_BITS },
    ttl: lifetimes(settings),
    responseTypes: ['code'],
    discovery: { registration_endpoint: endpointsOf(settings.issuer).register },
    routes: { authorization: AUTHORIZE, pushed_authorization_request: PUSH, end_session: END_SESSION },
    extraParams: [...LAUNCH_PARAMETERS],
    interactions: { url: (_ctx, { uid }) => `${settings.issuer}/interaction/${uid}` },
    findAccount: accountFinder(parts),
    extraTokenClaims: (_ctx, token) => tokenContext(token, parts),
    issueRefreshToken: async (_ctx, client, { scopes }) =>
      client.grantTypeAllowed('refresh_token') &&
      (scopes.has('offline_access') || scopes.has('online_access')),
    scopes: [...IDENTITY_SCOPES],
    claims: { openid: ['sub'], fhirUser: ['fhirUser'], profile: ['fhirUser'] },
    subjectTypes: ['public'],
    pkce: { required: () => true },
    clientAuthMethods: ['none', 'client_secret_basic', 'private_key_jwt'],
    enabledJWA: {
      clientAuthSigningAlgValues: [...ASSERTION_ALGORITHMS],
      idTokenSigningAlgValues: ['RS256'],
    },
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims, header, client) => {
      const registered = await parts.findClient(client.clientId);
      if (registered === undefined) throw new errors.InvalidClientAuth('client not found');
      checkAssertion({ claims, header }, registered, Math.floor(parts.clock.now() / 1000), SKEW);
    },
    clientBasedCORS: (_ctx, origin, client) => isOriginOf(origin, client),
    rotateRefreshToken: true,
    // https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-a-refresh-token
    // What is not to last while the person is away ends when they sign out: also a token of an app that asked for neither.
    expiresWithSession: async (_ctx, { scopes }) => !scopes.has('offline_access'),
    renderError: (ctx, out) => {
      const text = out.error_description ?? 'Go back to the application and try again.';
      ctx.set({ ...pageHeaders() });
      ctx.body = tellingPage({ title: 'This did not work', text, code: out.error });
    },
    features: features(parts),
  };
}

function cookies({ issuer }: AuthorizationSettings, key: string): NonNullable<Configuration['cookies']> {
  const { pathname } = new URL(issuer);
  const options = { signed: true, httpOnly: true, sameSite: 'lax', path: pathname } as const;
  return { keys: [key], long: options, short: options };
}

function features(parts: ConfigurationParts): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      // Of a client that may not come in any more there is no token that lives.
      allowedPolicy: async (_ctx, client, token) =>
        mayIntrospect(client, token) && (await parts.findClient(token.clientId ?? '')) !== undefined,
    },
    revocation: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId,
    },
    pushedAuthorizationRequests: { enabled: true },
    rpInitiatedLogout: signOutFeature({ issuer: parts.settings.issuer, users: parts.users }),
    userinfo: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx) => audienceOf(ctx, parts.settings.fhirBase),
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource, client) => resourceServer(ctx, resource, client, parts),
    },
  };
}

/** A client that proves itself may ask about tokens: resource servers do so. One that cannot, about its own alone. */
function mayIntrospect(client: Client, token: { readonly clientId?: string | undefined }): boolean {
  return client.clientAuthMethod !== 'none' || client.clientId === token.clientId;
}

function isOriginOf(origin: string, { redirectUris = [] }: Client): boolean {
  return originsOf({ redirectUris }).includes(origin);
}

/** What is left of what was asked for takes its place, so that consent, token and answer say what is granted. */
function narrowedScope(
  ctx: KoaContextWithOIDC,
  { type, scope: registered }: RegisteredClient,
  isResourceType: (type: string) => boolean,
): string {
  const asked = String(ctx.oidc.params?.scope ?? '');
  const decision =
    type === 'backend'
      ? systemScopes(asked, registered, isResourceType)
      : personScopes(asked, registered, isResourceType);
  if ('problem' in decision) throw new errors.InvalidScope(decision.problem, asked);
  if (ctx.oidc.params !== undefined) ctx.oidc.params.scope = decision.granted;
  return resourceScopes(decision.granted);
}

/** Who somebody is is no scope of a resource server: it is granted beside it, and would be asked for again and again. */
function aboutResources(scope: string): string {
  const identity: ReadonlySet<string> = new Set(IDENTITY_SCOPES);
  return scope
    .split(' ')
    .filter((each) => !identity.has(each))
    .join(' ');
}

/** A code or a refresh token stands for what a person agreed to. */
function grantedBefore(ctx: KoaContextWithOIDC, fhirBase: string): string {
  return ctx.oidc.entities.Grant?.getResourceScope(fhirBase) ?? '';
}

async function resourceServer(
  ctx: KoaContextWithOIDC,
  resource: string,
  client: Client,
  { settings, findClient, isResourceType }: ConfigurationParts,
): Promise<{ scope: string; audience: string; accessTokenTTL: number; accessTokenFormat: 'opaque' }> {
  if (resource !== settings.fhirBase) throw new errors.InvalidTarget();
  const registered = await findClient(client.clientId);
  if (registered === undefined) throw new errors.InvalidClientAuth('client not found');
  const scope =
    ctx.oidc.route === 'token' && registered.type !== 'backend'
      ? grantedBefore(ctx, settings.fhirBase)
      : narrowedScope(ctx, registered, isResourceType);
  return {
    scope: aboutResources(scope),
    audience: settings.fhirBase,
    accessTokenTTL: registered.type === 'backend' ? settings.accessTokenLife : APP_TOKEN_LIFE,
    accessTokenFormat: 'opaque',
  };
}
