/**
 * Access tokens of another authorization server that is trusted: JWTs, checked by its published keys.
 * https://www.rfc-editor.org/rfc/rfc9068, https://www.rfc-editor.org/rfc/rfc8725
 *
 * Invariants
 * - Keys come from the configured URL alone, never from the token; algorithms are listed, and none of them is symmetric.
 * - Such a token holds until it ends: its issuer's revocations are not known here.
 */
import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Clock } from '../base/clock.js';
import { GenerationCache } from '../base/generation-cache.js';
import { Refusal } from '../fhir/outcome.js';
import type { Grant } from '../smart/grant.js';
import { invalidToken } from './bearer.js';
import { foreignGrant } from './foreign-grant.js';
import type { ForeignTokens } from './token-check.js';

export interface TrustedIssuer {
  readonly issuer: string;
  /** What its tokens must name as their audience. */
  readonly audience: string;
  readonly keySetUrl: string;
}

export interface IssuerTokensParts {
  readonly trusted: TrustedIssuer;
  readonly clock: Clock;
  /** There is another who knows tokens: JWTs of other issuers are left to them. */
  readonly isAlone: boolean;
  /** The guarded fetcher in the shape of the web's. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const SKEW_SECONDS = 60;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** A key set is fetched anew for an unknown key, but not more often than this. */
const COOL_DOWN = 30_000;
const KEYS_HOLD = 600_000;
const REMEMBERED = 5_000;

export class IssuerTokens implements ForeignTokens {
  readonly #parts: IssuerTokensParts;
  readonly #keys: JWTVerifyGetKey;
  readonly #known = new GenerationCache<string, Grant>(REMEMBERED);

  constructor(parts: IssuerTokensParts) {
    this.#parts = parts;
    this.#keys = createRemoteJWKSet(new URL(parts.trusted.keySetUrl), {
      cooldownDuration: COOL_DOWN,
      cacheMaxAge: KEYS_HOLD,
      [customFetch]: parts.fetch,
    });
  }

  check(token: string): Promise<Grant> | undefined {
    if (!JWT.test(token) || !(this.#parts.isAlone || this.#isNamed(token))) return undefined;
    const known = this.#known.get(token);
    if (known !== undefined && known.expires > this.#parts.clock.now()) return Promise.resolve(known);
    return this.#verify(token);
  }

  /** What it says of itself: whether that is true is found out by its signature. */
  #isNamed(token: string): boolean {
    try {
      return decodeJwt(token).iss === this.#parts.trusted.issuer;
    } catch (error) {
      if (error instanceof errors.JWTInvalid) return false;
      throw error;
    }
  }

  async #verify(token: string): Promise<Grant> {
    const { trusted, clock } = this.#parts;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer: trusted.issuer,
        audience: trusted.audience,
        algorithms: ALGORITHMS,
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp'],
      });
      const grant = foreignGrant(payload, trusted.issuer, (payload.exp ?? 0) * 1000);
      this.#known.set(token, grant);
      return grant;
    } catch (error) {
      throw refusalOf(error);
    }
  }
}

/** Whatever is wrong with a token is its holder's to hear; that the keys cannot be had is ours. */
function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return invalidToken('It has expired.');
  const isOurs = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  if (error instanceof errors.JOSEError && !isOurs && error.code !== 'ERR_JOSE_GENERIC') {
    return invalidToken('It is not one of the issuer that is trusted here.');
  }
  return new Refusal(
    'unavailable',
    'The keys of the trusted issuer cannot be fetched at the moment: try again.',
    {
      'retry-after': '10',
    },
  );
}
