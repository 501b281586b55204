/**
 * Access tokens of another authorization server that is trusted: JWTs, checked by its published keys.
 * https://www.rfc-editor.org/rfc/rfc9068, https://www.rfc-editor.org/rfc/rfc8725
 *
 * Invariants
 * - Keys come from the configured URL alone, never from the token; algorithms are listed, and none of them is symmetric.
 * - Such a token holds until it ends: its issuer's revocations are not known here.
 */
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Clock } from '../base/clock.js';
import { GenerationCache } from '../base/generation-cache.js';
import { Refusal } from '../fhir/outcome.js';
import { type Grant, type GrantUser, principalOf } from '../smart/grant.js';
import { parseScopes } from '../smart/scope.js';
import { invalidToken } from './bearer.js';
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
    if (!JWT.test(token)) return undefined;
    const known = this.#known.get(token);
    if (known !== undefined && known.expires > this.#parts.clock.now()) return Promise.resolve(known);
    return this.#verify(token);
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
      const grant = grantOf(payload, trusted.issuer);
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

/** Its clients and subjects are others than ours of the same name. */
function grantOf(payload: JWTPayload, issuer: string): Grant {
  const clientId = `${issuer}|${textOf(payload.client_id) ?? textOf(payload.azp) ?? ''}`;
  const [patient, encounter] = [textOf(payload.patient), textOf(payload.encounter)];
  const user = userOf(payload, patient);
  return {
    principal: principalOf(clientId, user?.subject),
    clientId,
    scopes: parseScopes(scopeOf(payload)).resources,
    ...(patient === undefined ? {} : { patient }),
    ...(encounter === undefined ? {} : { encounter }),
    ...(user === undefined ? {} : { user }),
    expires: (payload.exp ?? 0) * 1000,
  };
}

function scopeOf({ scope, scp }: JWTPayload): string {
  const written = scope ?? scp;
  return Array.isArray(written) ? written.join(' ') : (textOf(written) ?? '');
}

/** https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data */
function userOf({ sub, fhirUser }: JWTPayload, patient: string | undefined): GrantUser | undefined {
  const [type, id] = textOf(fhirUser)?.split('/').slice(-2) ?? [];
  if (sub === undefined || type === undefined || id === undefined) return undefined;
  const own = type === 'Patient' ? id : type === 'RelatedPerson' ? patient : undefined;
  const role = ROLES[type];
  return {
    subject: sub,
    fhirUser: { type, id },
    roles: role === undefined ? [] : [role],
    patients: own === undefined ? [] : [own],
  };
}

/** The roles of policies that people of each type have. */
const ROLES: Readonly<Record<string, string>> = {
  Patient: 'patient',
  RelatedPerson: 'patient',
  Practitioner: 'practitioner',
};

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
