/**
 * Signing in at the hospital's provider, in the middle of an interaction:
 *
 *   sign-in page ── /interaction/{uid}/upstream ──▶ provider ── /upstream/callback?code&state&iss ──▶ interaction goes on
 *
 * Invariants
 * - What comes back counts once, and only in the browser that was sent: the state leads to the interaction, and the browser must
 *   have that interaction's cookie.
 * - Whoever is nobody here is told so; no person is made.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { Records } from '../../ports/records.js';
import { isOver, START_AGAIN, tell } from '../interaction/over.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import type { SecurityLog, Told } from '../security-log.js';
import type { AuthorizationSettings } from '../settings.js';
import { tokenHash } from '../token-hash.js';
import type { RegisteredUser } from '../users/user.js';
import type { Links } from './links.js';
import { type Upstream, UpstreamError, type UpstreamRequest } from './upstream.js';

export interface FederatedParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: AuthorizationSettings;
  readonly securityLog: SecurityLog;
  readonly links: Links;
}

/** On the way to the provider. */
interface Kept extends UpstreamRequest {
  /** Of the interaction. */
  readonly uid: string;
}

const START = /^\/interaction\/([A-Za-z0-9_-]{1,64})\/upstream$/;
/** Below the issuer. */
export const UPSTREAM_CALLBACK = '/upstream/callback';
const LIFE = 15 * 60_000;

export class FederatedSignIn {
  readonly #provider: Provider;
  readonly #upstream: Upstream;
  readonly #parts: FederatedParts;

  constructor(provider: Provider, upstream: Upstream, parts: FederatedParts) {
    this.#provider = provider;
    this.#upstream = upstream;
    this.#parts = parts;
  }

  /** False where the path is none of ours. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const uid = START.exec(path)?.[1];
    if (uid === undefined && path !== UPSTREAM_CALLBACK) return false;
    // Not HEAD either: what looks at links ahead would use up what comes back.
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      tell(response, 405, 'This did not work', `${request.method} is not for this page.`);
      return true;
    }
    try {
      if (uid !== undefined) await this.#leave(request, response, uid);
      else await this.#comeBack(request, response, new URLSearchParams(query));
    } catch (error) {
      if (error instanceof UpstreamError) await this.#failed(request, response, error);
      else if (isOver(error)) tell(response, 400, 'This sign-in is over', START_AGAIN);
      else throw error;
    }
    return true;
  }

  async #leave(request: IncomingMessage, response: ServerResponse, uid: string): Promise<void> {
    const { uid: own, prompt, params } = await this.#provider.interactionDetails(request, response);
    if (own !== uid || prompt.name !== 'login') {
      return tell(response, 400, 'This sign-in is over', START_AGAIN);
    }
    const asked = this.#upstream.newRequest();
    const isAgain = /\blogin\b/.test(String(params.prompt ?? '')) || params.max_age !== undefined;
    const url = await this.#upstream.url(asked, isAgain);
    const { records, clock } = this.#parts;
    const kept: Kept = { uid, ...asked };
    const expires = clock.now() + LIFE;
    await records.put(KIND.upstreamSignIn, tokenHash(asked.state), writeValue(kept), { expires });
    response.writeHead(303, { location: url.href, 'cache-control': 'no-store' }).end();
  }

  async #comeBack(
    request: IncomingMessage,
    response: ServerResponse,
    answer: URLSearchParams,
  ): Promise<void> {
    const { records } = this.#parts;
    const states = answer.getAll('state');
    const written =
      states.length === 1 ? await records.take(KIND.upstreamSignIn, tokenHash(states[0] ?? '')) : undefined;
    const kept = written === undefined ? undefined : readValue<Kept>(written);
    const { uid, params } = await this.#provider.interactionDetails(request, response);
    const client = String(params.client_id);
    if (kept?.uid !== uid) {
      await this.#tell(request, { event: 'forged-form', outcome: 'refused', client });
      return tell(response, 400, 'This sign-in is over', START_AGAIN);
    }
    const account = await this.#upstream.person(answer, kept);
    const user = await this.#parts.links.find(account, this.#upstream.settings);
    if (user?.status !== 'active') return this.#unknown(request, response, client, user);
    await this.#tell(request, { event: 'sign-in', outcome: 'success', client, person: user });
    await this.#provider.interactionFinished(request, response, { login: { accountId: user.subject } });
  }

  async #unknown(
    request: IncomingMessage,
    response: ServerResponse,
    client: string,
    person: RegisteredUser | undefined,
  ): Promise<void> {
    await this.#tell(request, { event: 'sign-in', outcome: 'refused', client, person });
    const text =
      `You signed in at “${this.#upstream.settings.label}”, but nobody here is known by that account, or may come in with it. ` +
      'Ask those who look after this server to add you. Then go back to the app and start again.';
    tell(response, 403, 'You are not known here', text);
  }

  async #failed(request: IncomingMessage, response: ServerResponse, error: UpstreamError): Promise<void> {
    const { kind, code } = error;
    this.#parts.log.warn({ kind, code }, 'signing in at the upstream identity provider failed');
    await this.#tell(request, { event: 'sign-in', outcome: kind === 'unavailable' ? 'error' : 'refused' });
    const [status, text] = TEXTS[kind];
    tell(response, status, 'This did not work', text);
  }

  #tell(request: IncomingMessage, told: Told): Promise<void> {
    return this.#parts.securityLog.tell(request, told);
  }
}

const TEXTS: Readonly<Record<UpstreamError['kind'], readonly [status: number, text: string]>> = {
  unavailable: [502, 'Your hospital’s sign-in cannot be reached at the moment. Try again in a while.'],
  declined: [400, 'You were not signed in there. Go back to the app and start again.'],
  refused: [400, 'What your hospital’s sign-in answered is not right. Go back to the app and start again.'],
};
