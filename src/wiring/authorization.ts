/** The authorization server of a tenant, as the settings want it. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { standingDecider } from '../access/standing.js';
import { Authorization } from '../authorization/authorization.js';
import { Clients } from '../authorization/clients/clients.js';
import { InitialTokens } from '../authorization/clients/initial-tokens.js';
import { type HashCost, PASSWORD_COST } from '../authorization/clients/secret.js';
import { Links } from '../authorization/federation/links.js';
import { IssuerTokens } from '../authorization/foreign-tokens.js';
import type { IntrospectedTokens } from '../authorization/introspected-tokens.js';
import { sealingKey } from '../authorization/keys/sealing-key.js';
import { SigningKeys } from '../authorization/keys/signing-keys.js';
import { Launches } from '../authorization/launch/launches.js';
import { searchAs } from '../authorization/launch/search-as.js';
import { cappedKeySets, KEY_SET_LIMITS } from '../authorization/provider/key-set-fetch.js';
import { SecurityLog } from '../authorization/security-log.js';
import { type AuthorizationSettings, ID_TOKEN_LIFE } from '../authorization/settings.js';
import { Users } from '../authorization/users/users.js';
import { systemClock } from '../base/clock.js';
import { uuidV7 } from '../base/ids.js';
import type { Logger } from '../base/log.js';
import { type Config, issuerOf } from '../config.js';
import type { Fetcher } from '../net/fetcher.js';
import { webFetch } from '../net/web-fetch.js';
import { compiledConditions, warnOfSearches } from './access-check.js';
import { openFetcher } from './fetching.js';
import { introspectedTokens as openIntrospection } from './introspection.js';
import { openLog } from './process-log.js';
import { openTenant, type Tenant } from './tenant.js';
import { UPSTREAM_LIMITS, upstreamSettings } from './upstream.js';

const newId = uuidV7(systemClock, () => randomBytes(10));
const DAY = 24 * 3600 * 1000;

/** Throws ConfigError where a condition of the policies is no FHIRPath. */
export async function openAuthorization(
  config: Config,
  { parts, store }: Tenant,
  log: Logger,
  fetcher: Fetcher = openFetcher(config),
  passwordCost: HashCost = PASSWORD_COST,
): Promise<Authorization> {
  const isResourceType = (type: string): boolean => parts.knowledge.definitions.resourceTypes.has(type);
  warnOfSearches(config, parts.knowledge.definitions, log);
  const securityLog = new SecurityLog(parts.auditing);
  const decide = standingDecider({
    policies: config.access,
    conditions: await compiledConditions(config),
    baseUrl: parts.baseUrl,
    isAudited: securityLog.isKept,
    backend: parts.backend,
    log,
  });
  return new Authorization({
    records: store.records,
    clock: systemClock,
    log,
    clients: openClients({ parts, store }),
    initialTokens: new InitialTokens({ records: store.records, clock: systemClock }),
    newClients: config.clientApproval ? 'pending' : 'active',
    users: openUsers({ parts, store }, passwordCost),
    launches: new Launches({ records: store.records, clock: systemClock }),
    securityLog,
    searchAs: searchAs(parts, decide),
    signingKeys: openSigningKeys(config, { parts, store }),
    sealingKey: lazySealingKey(config),
    settings: authorizationSettings(config, parts.baseUrl),
    isResourceType,
    decide,
    ...foreignTokens(config, parts.baseUrl, fetcher),
    ...introspectedTokens(config, parts.baseUrl, fetcher, log),
    fetch: cappedKeySets(fetcher),
    fetchUpstream: webFetch(fetcher, UPSTREAM_LIMITS),
  });
}

function foreignTokens(
  config: Config,
  fhirBase: string,
  fetcher: Fetcher,
): { readonly foreign?: IssuerTokens } {
  const { trustedIssuer, trustedAudience, trustedKeySetUrl } = config;
  if (trustedIssuer === undefined || trustedKeySetUrl === undefined) return {};
  const trusted = {
    issuer: trustedIssuer,
    audience: trustedAudience ?? fhirBase,
    keySetUrl: trustedKeySetUrl,
  };
  const fetch = webFetch(fetcher, KEY_SET_LIMITS);
  const isAlone = config.introspectionUrl === undefined;
  return { foreign: new IssuerTokens({ trusted, isAlone, clock: systemClock, fetch }) };
}

function introspectedTokens(...parts: Parameters<typeof openIntrospection>): {
  readonly introspection?: IntrospectedTokens;
} {
  const introspection = openIntrospection(...parts);
  return introspection === undefined ? {} : { introspection };
}

/** For commands of the operator. */
export async function withClients<T>(config: Config, work: (clients: Clients) => Promise<T>): Promise<T> {
  return withTenant(config, (tenant) => work(openClients(tenant)));
}

export async function withInitialTokens<T>(
  config: Config,
  work: (tokens: InitialTokens) => Promise<T>,
): Promise<T> {
  return withTenant(config, ({ store }) =>
    work(new InitialTokens({ records: store.records, clock: systemClock })),
  );
}

export async function withUsers<T>(
  config: Config,
  work: (users: Users, links: Links) => Promise<T>,
): Promise<T> {
  return withTenant(config, (tenant) => {
    const users = openUsers(tenant);
    const { records } = tenant.store;
    return work(users, new Links({ records, users, fhirBase: tenant.parts.baseUrl }));
  });
}

export async function withSigningKeys<T>(
  config: Config,
  work: (keys: SigningKeys) => Promise<T>,
): Promise<T> {
  return withTenant(config, (tenant) => work(openSigningKeys(config, tenant)));
}

async function withTenant<T>(config: Config, work: (tenant: Tenant) => Promise<T>): Promise<T> {
  const tenant = await openTenant(config, openLog(config.logLevel === 'info' ? 'warn' : config.logLevel, 2));
  try {
    return await work(tenant);
  } finally {
    await tenant.store.close();
  }
}

function openClients({ parts, store }: Tenant): Clients {
  return new Clients({
    records: store.records,
    clock: systemClock,
    newId,
    isResourceType: (type) => parts.knowledge.definitions.resourceTypes.has(type),
  });
}

function openUsers({ store }: Tenant, passwordCost: HashCost = PASSWORD_COST): Users {
  return new Users({
    records: store.records,
    clock: systemClock,
    newId: uuidV7(systemClock, () => randomBytes(10)),
    passwordCost,
  });
}

function openSigningKeys(config: Config, { store }: Tenant): SigningKeys {
  return new SigningKeys({
    records: store.records,
    clock: systemClock,
    sealingKey: lazySealingKey(config),
    period: config.signingKeyDays * DAY,
    tokenLife: ID_TOKEN_LIFE * 1000,
  });
}

/** Made or read when it is first needed: checking a token needs none. */
function lazySealingKey({ secretKey, dataDir }: Config): () => Uint8Array {
  let key: Uint8Array | undefined;
  return () => {
    key ??= sealingKey({ secret: secretKey, file: join(dataDir, 'keys', 'sealing.key') });
    return key;
  };
}

function authorizationSettings(config: Config, fhirBase: string): AuthorizationSettings {
  const upstream = upstreamSettings(config);
  return {
    issuer: issuerOf(config),
    fhirBase,
    accessTokenLife: config.accessTokenLife,
    passwordSignIn: config.passwordSignIn,
    ...(upstream === undefined ? {} : { upstream }),
  };
}
