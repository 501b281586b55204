/**
 * The hospital's OpenID provider, as people sign in there: code flow with PKCE, state and nonce.
 * https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth, https://www.rfc-editor.org/rfc/rfc9700#section-2
 *
 * Invariants
 * - An id_token counts only where its signature, issuer, audience, times and nonce are right, though it came over TLS.
 * - All that is fetched goes through the guarded fetcher.
 */
import * as openid from 'openid-client';
import { FetchError } from '../../net/fetch-error.js';

export interface UpstreamSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: we are a public client there. */
  readonly secret?: string;
  /** Between blanks, `openid` among them. */
  readonly scopes: string;
  /** The claim that says who somebody is here. */
  readonly claim: string;
  /** What the claim is: the login of a person, or the reference to the resource that stands for them. */
  readonly match: 'login' | 'fhirUser';
  /** What stands on the button. */
  readonly label: string;
  /** The provider may be spoken to without TLS. */
  readonly plainHttp: boolean;
}

export interface UpstreamParts {
  readonly settings: UpstreamSettings;
  /** Where it sends people back to. */
  readonly redirectUri: string;
  readonly now: () => number;
  /** The guarded fetcher in the shape of the web's. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** What must come back unchanged, kept here in between. */
export interface UpstreamRequest {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Who signed in there. */
export interface UpstreamPerson {
  readonly issuer: string;
  readonly subject: string;
  /** The value of the claim that is asked for; undefined where there is none that counts. */
  readonly claim: string | undefined;
}

export type UpstreamErrorKind =
  /** It cannot be reached, or is set up wrongly. */
  | 'unavailable'
  /** The person went back, or was not let in there. */
  | 'declined'
  /** What came back is not the answer to what was asked. */
  | 'refused';

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';

  constructor(
    readonly kind: UpstreamErrorKind,
    /** A code for the log: never a claim. */
    readonly code: string,
    cause: unknown,
  ) {
    super(`the upstream identity provider: ${kind} (${code})`, { cause });
  }
}

/** Its metadata is asked for anew after this. */
const METADATA_HOLDS = 3600_000;

export class Upstream {
  readonly #parts: UpstreamParts;
  #known: { readonly until: number; readonly config: Promise<openid.Configuration> } | undefined;

  constructor(parts: UpstreamParts) {
    this.#parts = parts;
  }

  get settings(): UpstreamSettings {
    return this.#parts.settings;
  }

  newRequest(): UpstreamRequest {
    return {
      state: openid.randomState(),
      nonce: openid.randomNonce(),
      verifier: openid.randomPKCECodeVerifier(),
    };
  }

  /** Where the browser goes. `again`: the person must sign in even if they are signed in there. Throws UpstreamError. */
  async url({ state, nonce, verifier }: UpstreamRequest, again: boolean): Promise<URL> {
    return asking(async () =>
      openid.buildAuthorizationUrl(await this.#config(), {
        redirect_uri: this.#parts.redirectUri,
        scope: this.settings.scopes,
        state,
        nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(again ? { prompt: 'login' } : {}),
      }),
    );
  }

  /** `answer`: the query with which the browser came back. Throws UpstreamError. */
  async person(answer: URLSearchParams, request: UpstreamRequest): Promise<UpstreamPerson> {
    return asking(async () => {
      const config = await this.#config();
      const tokens = await openid.authorizationCodeGrant(
        config,
        new URL(`${this.#parts.redirectUri}?${answer}`),
        {
          expectedState: request.state,
          expectedNonce: request.nonce,
          pkceCodeVerifier: request.verifier,
          idTokenExpected: true,
        },
      );
      const claims = tokens.claims();
      if (claims === undefined) throw new UpstreamError('refused', 'no-id-token', undefined);
      const { claim: name } = this.settings;
      // Many providers put what is in the scope `profile` there alone.
      const hasMore = claims[name] === undefined && config.serverMetadata().userinfo_endpoint !== undefined;
      const more = hasMore ? await openid.fetchUserInfo(config, tokens.access_token, claims.sub) : {};
      return { issuer: claims.iss, subject: claims.sub, claim: claimOf({ ...more, ...claims }, name) };
    });
  }

  /** Whether it can be used: it is found, is who it says, and has keys. How many they are; throws UpstreamError. */
  async probe(): Promise<number> {
    return asking(async () => {
      const { jwks_uri: url } = (await this.#config()).serverMetadata();
      if (url === undefined) throw new UpstreamError('refused', 'no jwks_uri', undefined);
      const answer = await this.#parts.fetch(url, {});
      const found: unknown = answer.ok ? await answer.json() : undefined;
      const keys = typeof found === 'object' && found !== null && 'keys' in found ? found.keys : undefined;
      if (!Array.isArray(keys) || keys.length === 0) throw new UpstreamError('refused', 'no keys', undefined);
      return keys.length;
    });
  }

  #config(): Promise<openid.Configuration> {
    const now = this.#parts.now();
    if (this.#known === undefined || this.#known.until <= now) {
      const config = this.#discover();
      this.#known = { until: now + METADATA_HOLDS, config };
      // Whoever comes next asks again.
      config.catch(() => {
        this.#known = undefined;
      });
    }
    return this.#known.config;
  }

  async #discover(): Promise<openid.Configuration> {
    const { issuer, clientId, secret, plainHttp } = this.settings;
    const fetch: openid.CustomFetch = (url, { body, ...rest }) =>
      this.#parts.fetch(url, { ...rest, ...(body === undefined ? {} : { body }) });
    const found = await openid.discovery(new URL(issuer), clientId, undefined, openid.None(), {
      [openid.customFetch]: fetch,
      execute: plainHttp ? [openid.allowInsecureRequests] : [],
    });
    const server = found.serverMetadata();
    const config = new openid.Configuration(server, clientId, undefined, proofOf(secret, server));
    config[openid.customFetch] = fetch;
    if (plainHttp) openid.allowInsecureRequests(config);
    openid.enableNonRepudiationChecks(config);
    return config;
  }
}

/** What it does not say it takes, it takes by Basic: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata */
function proofOf(secret: string | undefined, server: openid.ServerMetadata): openid.ClientAuth {
  if (secret === undefined) return openid.None();
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return methods.includes('client_secret_basic')
    ? openid.ClientSecretBasic(secret)
    : openid.ClientSecretPost(secret);
}

/** An address of mail that nobody has looked at may be anybody's. */
function claimOf(claims: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = claims[name];
  if (typeof value !== 'string' || value === '') return undefined;
  return name === 'email' && claims.email_verified !== true ? undefined : value;
}

async function asking<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw upstreamError(error) ?? error;
  }
}

function upstreamError(error: unknown): UpstreamError | undefined {
  if (error instanceof UpstreamError) return error;
  if (error instanceof openid.AuthorizationResponseError) {
    return new UpstreamError('declined', error.error, error);
  }
  if (error instanceof openid.ResponseBodyError) return new UpstreamError('refused', error.error, error);
  if (error instanceof openid.WWWAuthenticateChallengeError) {
    return new UpstreamError('refused', 'userinfo', error);
  }
  if (!(error instanceof openid.ClientError)) return undefined;
  if (error.cause instanceof FetchError) return new UpstreamError('unavailable', error.cause.kind, error);
  const isOutside = OUTSIDE.has(error.code ?? '');
  return new UpstreamError(isOutside ? 'unavailable' : 'refused', error.code ?? 'unknown', error);
}

/** What its answers look like when it, or what stands before it, fails. */
const OUTSIDE: ReadonlySet<string> = new Set([
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
]);
