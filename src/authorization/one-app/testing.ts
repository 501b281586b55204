/** For tests: one app and its person, from the request for a code to the tokens. */
import { createHash, randomBytes } from 'node:crypto';
import { Browsing, type Left, type Shown } from '../browsing/testing.js';
import type { MadeClient } from '../clients/clients.js';
import type { SmartServer } from '../testing.js';

export const BACK = 'https://app.example.org/back';
export const PASSWORD = 'correct horse';

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export function addApp(
  { authorization }: SmartServer,
  type: 'public' | 'confidential',
  scope: string,
): Promise<MadeClient> {
  const wanted = { name: 'Growth Chart', jwks: undefined, jwksUrl: undefined, redirectUris: [BACK] };
  return authorization.clients.add({ ...wanted, type, scope }, 'active');
}

export class OneApp {
  readonly browser: Browsing;
  readonly #server: SmartServer;
  readonly #made: MadeClient;
  verifier = randomBytes(32).toString('base64url');

  constructor(server: SmartServer, made: MadeClient) {
    this.#server = server;
    this.#made = made;
    this.browser = new Browsing(server.url);
  }

  /** What it asks a code with. */
  request(scope: string, more: Readonly<Record<string, string>> = {}): URLSearchParams {
    return new URLSearchParams({
      response_type: 'code',
      client_id: this.#made.client.id,
      redirect_uri: BACK,
      scope,
      state: 'a state/with=signs',
      aud: this.#server.fhirBase,
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...(scope.includes('openid') ? { nonce: 'n-1' } : {}),
      ...more,
    });
  }

  start(scope: string, more: Readonly<Record<string, string>> = {}): Promise<Shown | Left> {
    return this.browser.open(`${this.#server.url}/auth/authorize?${this.request(scope, more)}`);
  }

  signIn(login: string): Promise<Shown | Left> {
    return this.browser.send({ login, password: PASSWORD });
  }

  /** Ticks what is named, and allows it. */
  allow(...scope: readonly string[]): Promise<Shown | Left> {
    return this.browser.send({ decision: 'allow', scope });
  }

  exchange(end: Shown | Left): Promise<Answer> {
    const code = 'left' in end ? end.left.searchParams.get('code') : null;
    if (code === null) throw new Error(`no code: ${'left' in end ? end.left : end.text}`);
    return this.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: BACK,
      code_verifier: this.verifier,
    });
  }

  refresh(token: unknown, more: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: String(token), ...more });
  }

  /** As the client that it is: by its id, or by its secret. */
  token(form: Readonly<Record<string, string>>): Promise<Answer> {
    const { client, secret } = this.#made;
    if (secret === undefined) return ask(this.#server, { client_id: client.id, ...form });
    return ask(this.#server, form, { authorization: `Basic ${btoa(`${client.id}:${secret}`)}` });
  }
}

/** Asks the token endpoint. */
export async function ask(
  { tokenUrl }: Pick<SmartServer, 'tokenUrl'>,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const answer = await fetch(tokenUrl, { method: 'POST', body: new URLSearchParams(form), headers });
  const body = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, body, headers: answer.headers };
}
