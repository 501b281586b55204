/**
 * The authorization server: oidc-provider on our records, keys and clients, and what SMART wants of its answers beyond it.
 *
 * Invariant: whatever Host a request names, it is answered as the issuer; URLs in answers and audiences of assertions are
 * the issuer's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ClientMetadata,
  type Configuration,
  errors,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { MaybePromise } from '../../ports/backend.js';
import type { Records } from '../../ports/records.js';
import type { RegisteredClient } from '../clients/client.js';
import type { Clients } from '../clients/clients.js';
import { type RegistrationParts, serveRegistration } from '../clients/registration-endpoint.js';
import { isSecretOf } from '../clients/secret.js';
import { FederatedSignIn, UPSTREAM_CALLBACK } from '../federation/federated-sign-in.js';
import { Links } from '../federation/links.js';
import { Upstream, type UpstreamParts } from '../federation/upstream.js';
import { FormTokens } from '../forms.js';
import { serveApps } from '../interaction/apps.js';
import { GrantRecords } from '../interaction/grant-record.js';
import { Interactions } from '../interaction/interactions.js';
import { cookieKey } from '../keys/sealing-key.js';
import type { SigningKey, SigningKeys } from '../keys/signing-keys.js';
import { contextParameters } from '../launch/launch-context.js';
import { serveLaunch } from '../launch/launch-endpoint.js';
import type { Launches } from '../launch/launches.js';
import type { SearchAs } from '../launch/pickers.js';
import type { AuthorizationSettings } from '../settings.js';
import type { RegisteredUser } from '../users/user.js';
import type { Users } from '../users/users.js';
import { recordsAdapter } from './adapter.js';
import { inContext } from './async-context.js';
import { prepareAuthorize } from './authorize-request.js';
import { clientMetadata } from './client-metadata.js';
import { configuration } from './configuration.js';
import { nameRefreshingClient } from './public-refresh.js';
import { finishSignOut, prepareSignOut, toldOfSignOut } from './sign-out.js';
import { toldOf } from './told.js';

export interface ProviderParts extends RegistrationParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signingKeys: SigningKeys;
  readonly sealingKey: () => Uint8Array;
  readonly settings: AuthorizationSettings;
  readonly isResourceType: (type: string) => boolean;
  readonly fetch: Configuration['fetch'];
  /** Asks the hospital's identity provider. */
  readonly fetchUpstream: UpstreamParts['fetch'];
  readonly users: Users;
  readonly launches: Launches;
  /** Searches with the rights of a person. */
  readonly searchAs: (user: RegisteredUser) => SearchAs;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => MaybePromise<void>;

/** A provider knows the keys that it was made with: other keys, another provider. All that it remembers is in the records. */
export class Providers {
  readonly #parts: ProviderParts;
  #kids = '';
  #handler: Handler | undefined;

  constructor(parts: ProviderParts) {
    this.#parts = parts;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const keys = await this.#parts.signingKeys.current();
    const kids = keys.map(({ kid }) => kid).join(' ');
    if (this.#handler === undefined || kids !== this.#kids) {
      this.#handler = handlerOf(this.#parts, keys);
      this.#kids = kids;
    }
    beIssuer(request, this.#parts.settings.issuer);
    await this.#handler(request, response);
  }
}

function handlerOf(parts: ProviderParts, keys: readonly SigningKey[]): Handler {
  const { settings, log, clients, isResourceType, fetch, users } = parts;
  const grants = new GrantRecords(parts.records);
  const secret = cookieKey(parts.sealingKey());
  const findClient = (id: string): Promise<RegisteredClient | undefined> => activeClient(clients, id);
  const provider = new Provider(
    settings.issuer,
    configuration({
      settings,
      clock: parts.clock,
      jwks: { keys: keys.map(({ jwk }) => jwk) },
      cookieKey: secret,
      users,
      grants,
      findClient,
      isResourceType,
      fetch,
      adapter: (model) =>
        recordsAdapter(model, {
          ...parts,
          findClient: async (id) => metadataOf(await clients.get(id)),
        }),
    }),
  );
  provider.proxy = true; // it believes beIssuer
  provider.Client.prototype.compareClientSecret = function compare(actual: string): Promise<boolean> {
    return isSecretOf(actual, this.clientSecret ?? '');
  };
  const refusals = refusalsOf(provider);
  const answer = async (context: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    if (await prepareAuthorize(context, settings.issuer)) return;
    if (await prepareSignOut(context, settings.issuer)) return;
    await nameRefreshingClient(context, provider, findClient);
    await next();
    await finishSignOut(context, { issuer: settings.issuer, users });
    const told =
      (await toldOf(context, refusals.get(context.req), findClient)) ?? (await toldOfSignOut(context, users));
    if (told !== undefined) await parts.securityLog.tell(context.req, told);
    await finishAnswer(context, grants);
  };
  provider.use((ctx, next) => inContext(() => answer(ctx as KoaContextWithOIDC, next))); // its routes add what it is more
  provider.on('server_error', (ctx, error) => {
    refusals.set(ctx.req, error);
    log.error({ error: error.message }, 'the authorization server failed');
  });
  const upstreamLabel = settings.upstream?.label;
  const tokens = new FormTokens(secret, settings.issuer);
  const people = { ...parts, grants, findClient, tokens, upstreamLabel };
  const federated = federatedSignIn(provider, parts);
  const interactions = new Interactions(provider, people);
  const others = provider.callback();
  return async (request, response) => {
    if (await federated?.serve(request, response)) return;
    if (await interactions.serve(request, response)) return;
    if (await serveApps(request, response, provider, people)) return;
    if (await serveLaunch(request, response, people)) return;
    if (await serveRegistration(request, response, parts)) return;
    others(request, response);
  };
}

/** Undefined where people sign in here alone. */
function federatedSignIn(provider: Provider, parts: ProviderParts): FederatedSignIn | undefined {
  const { settings, records, users, clock, fetchUpstream } = parts;
  if (settings.upstream === undefined) return undefined;
  const upstream = new Upstream({
    settings: settings.upstream,
    redirectUri: `${settings.issuer}${UPSTREAM_CALLBACK}`,
    now: () => clock.now(),
    fetch: fetchUpstream,
  });
  const links = new Links({ records, users, fhirBase: settings.fhirBase });
  return new FederatedSignIn(provider, upstream, { ...parts, links });
}

/** What answers were made of that are refusals: it tells while it makes them. */
function refusalsOf(provider: Provider): WeakMap<IncomingMessage, Error> {
  const refusals = new WeakMap<IncomingMessage, Error>();
  const keep = (ctx: KoaContextWithOIDC, error: Error): void => {
    refusals.set(ctx.req, error);
  };
  provider.on('grant.error', keep);
  provider.on('revocation.error', keep);
  provider.on('introspection.error', keep);
  provider.on('authorization.error', keep);
  provider.on('pushed_authorization_request.error', keep);
  return refusals;
}

/** Of a client that waits nobody must guess why it may not come in. */
function metadataOf(client: RegisteredClient | undefined): ClientMetadata | undefined {
  if (client?.status === 'pending') {
    throw new errors.InvalidClient('this client waits until an administrator approves it');
  }
  return client?.status === 'active' ? clientMetadata(client) : undefined;
}

async function activeClient(clients: Clients, id: string): Promise<RegisteredClient | undefined> {
  const client = await clients.get(id);
  return client?.status === 'active' ? client : undefined;
}

/** What a proxy, or the client, said of host and scheme is not believed: the issuer is one. */
function beIssuer(request: IncomingMessage, issuer: string): void {
  const { host, protocol } = new URL(issuer);
  request.headers.host = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  delete request.headers['x-forwarded-host'];
}

async function finishAnswer(ctx: KoaContextWithOIDC, grants: GrantRecords): Promise<void> {
  if (ctx.response.get('cache-control') === 'no-store') ctx.set('pragma', 'no-cache');
  const { body } = ctx;
  const token = ctx.oidc?.entities?.AccessToken;
  const grantId = token?.grantId;
  if (isTokenAnswer(body) && grantId !== undefined) {
    body.scope = await wholeScope(ctx, grantId, body.scope);
    Object.assign(body, contextParameters(await grants.contextOf(grantId)));
  }
  if (isActiveToken(body) && grantId !== undefined) body.scope = await wholeScope(ctx, grantId, body.scope);
  if (!isError(body)) return;
  if (isFailedAssertion(ctx)) body.error = 'invalid_client';
  if (isNamelessRefresh(ctx)) Object.assign(body, UNKNOWN_REFRESH);
  // https://www.rfc-editor.org/rfc/rfc6749#section-5.2: 401 is for clients that used the Authorization header.
  if (body.error === 'invalid_client' && ctx.get('authorization') === '') ctx.status = 400;
}

/** Whatever is wrong with an assertion, its client is what was not proven. */
function isFailedAssertion(ctx: KoaContextWithOIDC): boolean {
  const { params, client } = ctx.oidc ?? {}; // a path that it does not know has none
  return params?.client_assertion !== undefined && client === undefined;
}

const UNKNOWN_REFRESH = {
  error: 'invalid_grant',
  error_description: 'the refresh token is not known, or its client has to authenticate: sign in again',
} as const;

/** A refresh of nobody: neither the request nor its token says of a client that may do without proof. */
function isNamelessRefresh(ctx: KoaContextWithOIDC): boolean {
  const { params, client } = ctx.oidc ?? {};
  const isRefresh = params?.grant_type === 'refresh_token' && typeof params.refresh_token === 'string';
  return isRefresh && client === undefined && params.client_id === undefined && !isProving(ctx);
}

function isProving(ctx: KoaContextWithOIDC): boolean {
  return ctx.get('authorization') !== '' || ctx.oidc.params?.client_assertion !== undefined;
}

/** A token is for resources and holds their scopes; what else was granted with it is told as well. */
async function wholeScope({ oidc }: KoaContextWithOIDC, grantId: string, scope = ''): Promise<string> {
  const grant = oidc.entities.Grant ?? (await oidc.provider.Grant.find(grantId));
  const identity = grant?.getOIDCScope() ?? '';
  return [...new Set(`${identity} ${scope}`.split(' ').filter((each) => each !== ''))].join(' ');
}

function isActiveToken(body: unknown): body is { scope?: string } {
  return typeof body === 'object' && body !== null && 'active' in body && body.active === true;
}

function isTokenAnswer(body: unknown): body is { access_token: string; scope?: string } {
  return typeof body === 'object' && body !== null && 'access_token' in body;
}

function isError(body: unknown): body is { error: string } {
  return typeof body === 'object' && body !== null && 'error' in body;
}
