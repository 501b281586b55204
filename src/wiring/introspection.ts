/** Asking another authorization server about its tokens, as the settings want it. */
import {
  IntrospectedTokens,
  type IntrospectionProof,
  type IntrospectionSettings,
} from '../authorization/introspected-tokens.js';
import { systemClock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { type Config, ConfigError } from '../config.js';
import { isObject } from '../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../fhir/format/parse.js';
import type { Fetcher } from '../net/fetcher.js';
import { webFetch } from '../net/web-fetch.js';
import { secretIn } from './secret-file.js';

/** What an answer about a token may take: a request waits for it. */
const LIMITS = { maxBytes: 64 * 1024, timeLimit: 5_000, redirects: 0 } as const;

/** Undefined where nobody is to be asked. Throws ConfigError. */
export function introspectedTokens(
  config: Config,
  fhirBase: string,
  fetcher: Fetcher,
  log: Logger,
): IntrospectedTokens | undefined {
  const settings = introspectionSettings(config, fhirBase);
  if (settings === undefined) return undefined;
  return new IntrospectedTokens({ settings, clock: systemClock, log, fetch: webFetch(fetcher, LIMITS) });
}

function introspectionSettings(config: Config, fhirBase: string): IntrospectionSettings | undefined {
  const { introspectionUrl: url, introspectionIssuer: issuer, introspectionClientId: clientId } = config;
  if (url === undefined || issuer === undefined || clientId === undefined) return undefined;
  const audience = config.introspectionAudience ?? fhirBase;
  return { url, issuer, audience, clientId, proof: proofOf(config), plainHttp: config.fetchHttp };
}

function proofOf({ introspectionSecretFile: secret, introspectionKeyFile: key }: Config): IntrospectionProof {
  if (secret !== undefined)
    return { by: 'secret', secret: secretIn(secret, 'FAIRWAY_INTROSPECTION_SECRET_FILE') };
  if (key !== undefined) return { by: 'key', jwk: keyIn(key) };
  throw new ConfigError(['FAIRWAY_INTROSPECTION_URL needs a secret or a key.']);
}

function keyIn(file: string): Readonly<Record<string, string>> {
  const text = secretIn(file, 'FAIRWAY_INTROSPECTION_KEY_FILE');
  try {
    const jwk = parseJson(text);
    const members = isObject(jwk) ? Object.entries(jwk) : [];
    const texts = members.filter((pair): pair is [string, string] => typeof pair[1] === 'string');
    const found = Object.fromEntries(texts);
    if (found.kty !== undefined && found.d !== undefined && found.alg !== undefined) return found;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
  }
  throw new ConfigError([
    `${file} is no private key: FAIRWAY_INTROSPECTION_KEY_FILE must hold one JWK with kty, d and alg.`,
  ]);
}
