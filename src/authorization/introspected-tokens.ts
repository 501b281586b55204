/**
 * Access tokens of another authorization server that say nothing by themselves: it is asked about each.
 * https://www.rfc-editor.org/rfc/rfc7662, https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
 *
 *   who is asked about what   ours are in our records; JWTs of the issuer that is trusted by its keys are checked by them;
 *                             the rest, JWTs of other issuers among them, is asked about
 *
 * Invariants
 * - What was answered, yes or no, is believed for HOLDS at most: what is revoked there is refused here within that time.
 * - Without an answer nobody comes in: 503. A token that is bound to its holder's key is refused: nobody proves it here.
 */
import type * as openid from 'openid-client';
import type { Clock } from '../base/clock.js';
import { GenerationCache } from '../base/generation-cache.js';
import type { Logger } from '../base/log.js';
import { Refusal } from '../fhir/outcome.js';
import type { Grant } from '../smart/grant.js';
import { invalidToken } from './bearer.js';
import { type ForeignClaims, foreignGrant } from './foreign-grant.js';

export type IntrospectionProof =
  | { readonly by: 'secret'; readonly secret: string }
  /** A private key with its `alg`, and `kid` where it has one. */
  | { readonly by: 'key'; readonly jwk: Readonly<Record<string, string>> };

export interface IntrospectionSettings {
  readonly url: string;
  /** Whose tokens they are. */
  readonly issuer: string;
  /** What they must be for. */
  readonly audience: string;
  /** Who this server is there, and how it proves that. */
  readonly clientId: string;
  readonly proof: IntrospectionProof;
  /** It may be spoken to without TLS. */
  readonly plainHttp: boolean;
}

export interface IntrospectedTokensParts {
  readonly settings: IntrospectionSettings;
  readonly clock: Clock;
  readonly log: Logger;
  /** The guarded fetcher in the shape of the web's. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** Milliseconds from asking on. */
export const HOLDS = 4_000;
const REMEMBERED = 5_000;
const SKEW_SECONDS = 60;
const WARN_EVERY = 60_000;

/** What is known of a token: its grant, or why it is refused. */
interface Known {
  readonly until: number;
  readonly answer: Promise<Grant>;
}

export class IntrospectedTokens {
  readonly #parts: IntrospectedTokensParts;
  readonly #known = new GenerationCache<string, Known>(REMEMBERED);
  #config: Promise<openid.Configuration> | undefined;
  #warned = Number.NEGATIVE_INFINITY;

  constructor(parts: IntrospectedTokensParts) {
    this.#parts = parts;
  }

  /** Rejects with the refusal of a token that is not good, or of which nothing is known. */
  async check(token: string): Promise<Grant> {
    const now = this.#parts.clock.now();
    const known = this.#known.get(token);
    const grant = await (known !== undefined && now < known.until ? known.answer : this.#asked(token, now));
    if (grant.expires <= this.#parts.clock.now()) throw invalidToken('It has expired.');
    return grant;
  }

  /** Asks about a token that nobody has: what there is to say is whether there is an answer. Rejects with the problem. */
  async probe(token: string): Promise<void> {
    const { active } = await this.#ask(token);
    if (active) throw new Error('a made-up token is called active');
  }

  #asked(token: string, now: number): Promise<Grant> {
    const answer = this.#answer(token, now);
    this.#known.set(token, { until: now + HOLDS, answer });
    answer.catch((error: unknown) => {
      // That there was no answer is not remembered.
      if (!(error instanceof Refusal) || error.kind === 'unavailable') this.#known.delete(token);
    });
    return answer;
  }

  async #answer(token: string, now: number): Promise<Grant> {
    let claims: ForeignClaims;
    try {
      claims = await this.#ask(token);
    } catch (error) {
      this.#warn(error, now);
      throw new Refusal('unavailable', 'The issuer of this token cannot be asked about it: try again.', {
        'retry-after': '10',
      });
    }
    return this.#grant(claims, now);
  }

  async #ask(token: string): Promise<ForeignClaims & { readonly active: boolean }> {
    this.#config ??= this.#configuration();
    const { tokenIntrospection } = await import('openid-client');
    return tokenIntrospection(await this.#config, token, { token_type_hint: 'access_token' });
  }

  async #configuration(): Promise<openid.Configuration> {
    const client = await import('openid-client');
    const { url, issuer, clientId, proof, plainHttp } = this.#parts.settings;
    const config = new client.Configuration(
      { issuer, introspection_endpoint: url },
      clientId,
      undefined,
      proof.by === 'secret' ? client.ClientSecretBasic(proof.secret) : await keyProof(proof.jwk, client),
    );
    config[client.customFetch] = (to, { body, ...rest }) =>
      this.#parts.fetch(to, { ...rest, ...(body === undefined ? {} : { body }) });
    if (plainHttp) client.allowInsecureRequests(config);
    return config;
  }

  /** Whether an active token is one for us, and still good. */
  #grant(claims: ForeignClaims, now: number): Grant {
    const { issuer, audience } = this.#parts.settings;
    const { active, iss, aud, exp, nbf, cnf } = claims;
    if (active !== true) throw invalidToken('It is not known, was revoked or has expired.');
    if (iss !== undefined && iss !== issuer) {
      throw invalidToken('It is not one of the issuer that is trusted here.');
    }
    if (![aud].flat().includes(audience)) throw invalidToken('It is for another server.');
    if (cnf !== undefined) throw invalidToken('It is bound to a key, and such tokens are not taken here.');
    if (nbf !== undefined && !(typeof nbf === 'number' && nbf * 1000 <= now + SKEW_SECONDS * 1000)) {
      throw invalidToken('It is not good yet.');
    }
    if (exp !== undefined && typeof exp !== 'number') throw invalidToken('When it ends is not said.');
    // One without an end is good for as long as the answer is believed.
    const expires = exp === undefined ? now + HOLDS : exp * 1000;
    if (expires <= now) throw invalidToken('It has expired.');
    return foreignGrant(claims, issuer, expires);
  }

  /** The token and what was answered are not told. */
  #warn(error: unknown, now: number): void {
    if (now - this.#warned < WARN_EVERY) return;
    this.#warned = now;
    this.#parts.log.warn({ problem: problemOf(error) }, 'the introspection endpoint gives no answer');
  }
}

/** What is wrong, without what was sent or answered. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  const code = 'error' in error ? ` (${String(error.error)})` : '';
  return `${error.message}${code}${cause}`;
}

async function keyProof(
  jwk: Readonly<Record<string, string>>,
  { PrivateKeyJwt }: typeof openid,
): Promise<openid.ClientAuth> {
  const { importJWK } = await import('jose');
  const key = await importJWK(jwk);
  if (key instanceof Uint8Array) throw new Error('a secret is no private key');
  const { kid } = jwk;
  return PrivateKeyJwt(kid === undefined ? key : { key, kid });
}
