/** The hospital's identity provider, as the settings name it. */
import type { UpstreamSettings } from '../authorization/federation/upstream.js';
import type { Config } from '../config.js';
import { secretIn } from './secret-file.js';

/** What an answer of the hospital's identity provider may take. */
export const UPSTREAM_LIMITS = { maxBytes: 256 * 1024, timeLimit: 10_000, redirects: 0 } as const;

/** Undefined where people sign in here alone. Throws ConfigError. */
export function upstreamSettings(config: Config): UpstreamSettings | undefined {
  const { upstreamIssuer: issuer, upstreamClientId: clientId, upstreamSecretFile: file } = config;
  if (issuer === undefined || clientId === undefined) return undefined;
  return {
    issuer,
    clientId,
    ...(file === undefined ? {} : { secret: secretIn(file, 'FAIRWAY_UPSTREAM_SECRET_FILE') }),
    scopes: config.upstreamScopes,
    claim: config.upstreamClaim,
    match: config.upstreamMatch,
    label: config.upstreamLabel,
    plainHttp: config.fetchHttp,
  };
}
