/**
 * What `fairway doctor` asks of the authorization servers of others that the settings name: by the code and the guarded fetcher
 * that the server itself uses, so that what works here works there.
 */
import { randomBytes } from 'node:crypto';
import { systemClock } from '../base/clock.js';
import { silentLogger } from '../base/log.js';
import type { Check } from '../cli/doctor.js';
import { type Config, ConfigError, issuerOf, publicUrl } from '../config.js';
import { webFetch } from '../net/web-fetch.js';
import { openFetcher } from './fetching.js';
import { introspectedTokens } from './introspection.js';
import { UPSTREAM_LIMITS, upstreamSettings } from './upstream.js';

export function issuerChecks(config: Config): readonly Check[] {
  return [
    ...(config.upstreamIssuer === undefined
      ? []
      : [{ name: 'identity provider', run: () => identityProvider(config) }]),
    ...(config.introspectionUrl === undefined
      ? []
      : [{ name: 'introspection', run: () => introspection(config) }]),
  ];
}

async function identityProvider(config: Config): Promise<string> {
  const settings = upstreamSettings(config);
  if (settings === undefined) throw new Error('FAIRWAY_UPSTREAM_CLIENT_ID is missing.');
  const { Upstream } = await import('../authorization/federation/upstream.js');
  const upstream = new Upstream({
    settings,
    redirectUri: `${issuerOf(config)}/upstream/callback`,
    now: systemClock.now,
    fetch: webFetch(openFetcher(config), UPSTREAM_LIMITS),
  });
  try {
    return `${settings.issuer} answers and has ${await upstream.probe()} keys`;
  } catch (error) {
    throw new Error(`${settings.issuer} cannot be used (${told(error)}): check FAIRWAY_UPSTREAM_ISSUER.`);
  }
}

/** A token that nobody has: whoever knows this server answers that it is not active. */
async function introspection(config: Config): Promise<string> {
  const tokens = introspectedTokens(config, `${publicUrl(config)}/fhir`, openFetcher(config), silentLogger);
  try {
    await tokens?.probe(randomBytes(32).toString('base64url'));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new Error(
      `${config.introspectionUrl} gives no answer (${told(error)}): check FAIRWAY_INTROSPECTION_URL and who this server is there.`,
    );
  }
  return `${config.introspectionUrl} answers`;
}

/** The error and what it came of, in their own words. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${told(error.cause)}` : error.message;
}
