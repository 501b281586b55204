/** For tests: a person opens an app by the pages, and the app gets its tokens. */
import { createHash, randomBytes } from 'node:crypto';
import { Browsing, type Left, type Shown } from '../browsing/testing.js';
import type { SmartServer } from '../testing.js';

export interface TokenAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

/** An app as it was registered; a secret goes by Basic. */
export interface TestApp {
  readonly id: string;
  readonly back: string;
  readonly secret?: string;
}

export class Launching {
  readonly browser: Browsing;
  verifier = randomBytes(32).toString('base64url');
  readonly #server: SmartServer;
  readonly #app: TestApp;

  constructor(server: SmartServer, app: TestApp) {
    this.#server = server;
    this.#app = app;
    this.browser = new Browsing(server.url);
  }

  request(scope: string, more: Readonly<Record<string, string>> = {}): URLSearchParams {
    return new URLSearchParams({
      response_type: 'code',
      client_id: this.#app.id,
      redirect_uri: this.#app.back,
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

  signIn(login: string, password = 'correct horse'): Promise<Shown | Left> {
    return this.browser.send({ login, password });
  }

  allow(...scope: readonly string[]): Promise<Shown | Left> {
    return this.browser.send({ decision: 'allow', scope });
  }

  async token(form: Readonly<Record<string, string>>): Promise<TokenAnswer> {
    const { id, secret } = this.#app;
    const basic = Buffer.from(`${id}:${secret}`).toString('base64');
    const answer = await fetch(this.#server.tokenUrl, {
      method: 'POST',
      headers: secret === undefined ? {} : { authorization: `Basic ${basic}` },
      body: new URLSearchParams(secret === undefined ? { client_id: id, ...form } : { ...form }),
    });
    return {
      status: answer.status,
      body: (await answer.json()) as Record<string, unknown>,
      headers: answer.headers,
    };
  }

  exchange(end: Shown | Left): Promise<TokenAnswer> {
    if (!('left' in end)) throw new Error(`a page was shown: ${end.status} ${end.text}`);
    const code = end.left.searchParams.get('code');
    if (code === null) throw new Error(`no code: ${end.left}`);
    return this.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: this.#app.back,
      code_verifier: this.verifier,
    });
  }

  refresh(token: unknown, more: Readonly<Record<string, string>> = {}): Promise<TokenAnswer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: String(token), ...more });
  }
}
