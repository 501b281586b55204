/**
 * Access tokens of a backend service: asked for with a signed assertion, kept as long as they hold.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
 *
 * Invariant: one token is asked for at a time, each with an assertion of its own; a token is renewed before it ends, and
 * once after a server refused it.
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { isNumber, isObject, type JsonObject, numberOf } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import type { Fetched, Fetcher } from '../../net/fetcher.js';
import { wordsOf } from './answer-words.js';
import { type Patience, patiently } from './patience.js';
import { ExportProblem } from './problem.js';
import { below } from './request.js';
import type { SigningKey } from './signing-key.js';

export interface Credentials {
  readonly clientId: string;
  readonly key: SigningKey;
  readonly scope: string;
  /** Absent: what the server's SMART configuration says. */
  readonly tokenUrl?: string;
}

interface Token {
  readonly text: string;
  /** Milliseconds since 1970: from then on another is asked for. */
  readonly renewAt: number;
}

const SECOND = 1_000;
const MOST_BYTES = 1_048_576;
/** The longest that the specification allows is five minutes. */
const ASSERTION_SECONDS = 240;
/** Where the server does not say: what the specification recommends at most. */
const USUAL_SECONDS = 300;
/** A token is renewed so long before its end, or after four fifths of a short life. */
const MARGIN_SECONDS = 30;

export class Tokens {
  #tokenUrl: string | undefined;
  #token: Token | undefined;
  #asking: Promise<Token> | undefined;

  constructor(
    private readonly base: URL,
    private readonly credentials: Credentials,
    private readonly fetcher: Fetcher,
    private readonly patience: Patience,
  ) {
    this.#tokenUrl = credentials.tokenUrl;
  }

  async current(): Promise<string> {
    if (this.#token !== undefined && this.patience.clock.now() < this.#token.renewAt) return this.#token.text;
    return this.#renew();
  }

  /** After a server refused it: another, unless somebody else has asked for one meanwhile. */
  async after(refused: string): Promise<string> {
    if (this.#token?.text === refused) this.#token = undefined;
    return this.current();
  }

  async #renew(): Promise<string> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    this.#token = await this.#asking;
    return this.#token.text;
  }

  async #ask(): Promise<Token> {
    this.#tokenUrl ??= await this.#discover();
    const url = this.#tokenUrl;
    const what = 'asking for an access token';
    const answer = await patiently({ what, repeatable: true }, () => this.#post(url), this.patience);
    if (answer.status !== 200)
      throw new ExportProblem(`No access token was given: ${(await wordsOf(answer)).text}.`);
    const { access_token: text, expires_in: seconds } = await jsonOf(
      answer,
      'The answer of the token endpoint',
    );
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
      throw new ExportProblem('The token endpoint gave an answer without an access token.');
    }
    const life = isNumber(seconds) && numberOf(seconds) > 0 ? numberOf(seconds) : USUAL_SECONDS;
    const used = Math.max(life - MARGIN_SECONDS, life * 0.8);
    return { text, renewAt: this.patience.clock.now() + used * SECOND };
  }

  async #post(url: string): Promise<Fetched> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: this.credentials.scope,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await this.#assertion(url),
    });
    return this.fetcher.fetch({
      url,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: Buffer.from(form.toString()),
      maxBytes: MOST_BYTES,
    });
  }

  #assertion(audience: string): Promise<string> {
    const { clientId, key } = this.credentials;
    const now = Math.floor(this.patience.clock.now() / SECOND);
    return new SignJWT()
      .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ: 'JWT' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(audience)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_SECONDS)
      .sign(key.key);
  }

  /** https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html */
  async #discover(): Promise<string> {
    const url = below(this.base, '.well-known/smart-configuration');
    const ask = () =>
      this.fetcher.fetch({ url, headers: { accept: 'application/json' }, maxBytes: MOST_BYTES, attempts: 1 });
    const answer = await patiently(
      { what: 'looking for the token endpoint', repeatable: true },
      ask,
      this.patience,
    );
    const wayOut = 'Name it with --token-url, or leave out --client-id where the server is open.';
    if (answer.status !== 200) {
      const { text } = await wordsOf(answer);
      throw new ExportProblem(`The server does not say where its token endpoint is (${text}). ${wayOut}`);
    }
    const { token_endpoint: endpoint } = await jsonOf(answer, 'The SMART configuration of the server');
    if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) {
      throw new ExportProblem(`The server's SMART configuration names no token endpoint. ${wayOut}`);
    }
    if (!mayCarrySecrets(new URL(endpoint), this.base)) {
      throw new ExportProblem('The server names a token endpoint on another host that does not speak https.');
    }
    return endpoint;
  }
}

/** Names of this machine: a server on it may be asked for by one and answer with another. */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Tokens go to the server itself, and to others by https alone. */
export function mayCarrySecrets(url: URL, base: URL): boolean {
  if (url.protocol === 'https:' || url.origin === base.origin) return true;
  const isSamePort = url.protocol === base.protocol && url.port === base.port;
  return isSamePort && LOOPBACK.has(url.hostname) && LOOPBACK.has(base.hostname);
}

async function jsonOf(answer: Fetched, what: string): Promise<JsonObject> {
  const text = (await answer.bytes()).toString();
  try {
    const parsed = parseJson(text);
    if (isObject(parsed)) return parsed;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
  }
  throw new ExportProblem(`${what} is no JSON object.`);
}
