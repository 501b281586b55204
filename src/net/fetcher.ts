/**
 * The one way by which the server fetches anything: key sets, files to import, upstreams, webhooks.
 *
 * Invariants: every step, redirects included, passes the policy; what is not safe to repeat is sent once; a deadline counts
 * for everything from the call to the last byte of the answer. Credentials stay with the origin that they were meant for.
 */
import type { Clock } from '../base/clock.js';
import {
  exchange,
  type Incoming,
  type Method,
  type Outgoing,
  type Resolve,
  systemResolve,
  within,
} from './exchange.js';
import { FetchError } from './fetch-error.js';
import { type GateLimits, HostGate, type Leave, USUAL_LIMITS } from './host-gate.js';
import { checkUrl, type FetchPolicy, hostOf } from './policy.js';

export interface FetchRequest {
  readonly url: string;
  readonly method?: Method;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Bytes that the answer's body may have. */
  readonly maxBytes: number;
  /** Milliseconds from the call to the last byte of the body; absent: the fetcher's own. */
  readonly timeLimit?: number;
  /** Redirects that are followed, for GET and HEAD; 3 where nothing is said. */
  readonly redirects?: number;
  /** How often it is tried, for methods that may be repeated; 3 where nothing is said. */
  readonly attempts?: number;
  /** The answer's body may be gzipped, and is then handed over so: for files, which may be packed of their own. */
  readonly gzip?: boolean;
}

export interface Fetched extends Incoming {
  /** Where it came from in the end. */
  readonly url: string;
  /** The whole body. */
  bytes(): Promise<Buffer>;
}

export interface Fetcher {
  /** Any status is an answer; what kept an answer from coming is a FetchError. */
  fetch(request: FetchRequest): Promise<Fetched>;
}

export interface FetcherParts {
  readonly policy: FetchPolicy;
  readonly clock: Clock;
  /** Milliseconds where a request says nothing. */
  readonly timeLimit: number;
  /** From 0 to 1: spreads retries. */
  readonly random: () => number;
  readonly limits?: GateLimits;
  readonly resolve?: Resolve;
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** PEM of authorities to trust instead of the usual ones. */
  readonly ca?: string;
}

const REPEATABLE: ReadonlySet<Method> = new Set<Method>(['GET', 'HEAD', 'PUT', 'DELETE']);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** The host is there and asks for patience. */
const TRY_AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_MILLISECONDS = 200;
/** For longer the caller comes back by itself. */
const LONGEST_PAUSE_MILLISECONDS = 5_000;
const HOSTS_REMEMBERED = 1_000;
/** What is only for the origin that was asked first. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

export class GuardedFetcher implements Fetcher {
  readonly #parts: FetcherParts;
  readonly #gates = new Map<string, HostGate>();

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  async fetch(request: FetchRequest): Promise<Fetched> {
    const first = checkUrl(request.url, this.#parts.policy);
    const timeLimit = request.timeLimit ?? this.#parts.timeLimit;
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort(new FetchError('timed-out', `${hostOf(first)} did not answer within ${timeLimit} ms.`));
    }, timeLimit);
    try {
      return fetched(await this.#follow(request, first, deadline.signal), timer);
    } catch (error) {
      clearTimeout(timer);
      throw error;
    }
  }

  async #follow(request: FetchRequest, first: URL, signal: AbortSignal): Promise<Arrived> {
    const { method = 'GET', redirects = 3 } = request;
    let url = first;
    for (let left = redirects; ; left--) {
      const answer = await this.#attempt(request, url, first.origin, signal);
      const { location } = answer.headers;
      if (!REDIRECTS.has(answer.status) || location === undefined) return { answer, url };
      answer.discard();
      if (method !== 'GET' && method !== 'HEAD') {
        throw new FetchError(
          'redirect-refused',
          `${hostOf(url)} redirects a ${method}, which is not followed.`,
        );
      }
      if (left <= 0) {
        throw new FetchError('redirect-refused', `${hostOf(first)} redirects more than ${redirects} times.`);
      }
      url = this.#redirected(location, url);
    }
  }

  #redirected(location: string, from: URL): URL {
    if (!URL.canParse(location, from.href)) {
      throw new FetchError('redirect-refused', `${hostOf(from)} redirects to something that is no URL.`);
    }
    const to = checkUrl(new URL(location, from).href, this.#parts.policy);
    if (from.protocol === 'https:' && to.protocol !== 'https:') {
      throw new FetchError('redirect-refused', `${hostOf(from)} redirects from https to http.`);
    }
    return to;
  }

  async #attempt(request: FetchRequest, url: URL, origin: string, signal: AbortSignal): Promise<Incoming> {
    const { method = 'GET', headers = {}, body, maxBytes, attempts = 3, gzip = false } = request;
    const sent = url.origin === origin ? headers : withoutCredentials(headers);
    const outgoing: Outgoing = { url, method, headers: sent, body, maxBytes, gzip, signal };
    const tries = REPEATABLE.has(method) ? attempts : 1;
    for (let tried = 1; ; tried++) {
      const answer = await this.#once(outgoing).catch((error: unknown) => {
        if (tried >= tries || !(error instanceof FetchError) || error.kind !== 'failed') throw error;
        return undefined;
      });
      if (answer !== undefined && (tried >= tries || !TRY_AGAIN.has(answer.status))) return answer;
      const pause = this.#pauseAfter(tried, answer?.headers['retry-after']);
      if (answer !== undefined && pause > LONGEST_PAUSE_MILLISECONDS) return answer;
      answer?.discard();
      await (this.#parts.pause ?? sleep)(pause, signal);
    }
  }

  /** Doubles each time; between half of it and all of it, so that many do not come back at once. */
  #pauseAfter(tried: number, retryAfter: string | undefined): number {
    const own = FIRST_PAUSE_MILLISECONDS * 2 ** (tried - 1) * (0.5 + this.#parts.random() / 2);
    const asked = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : 0;
    return Math.max(own, asked);
  }

  /** The place at the gate is kept until the body was read or given up. */
  async #once(outgoing: Outgoing): Promise<Incoming> {
    const { policy, resolve = systemResolve, ca } = this.#parts;
    const leave = await this.#gate(outgoing.url).enter(hostOf(outgoing.url), outgoing.signal);
    try {
      const answer = await exchange(outgoing, { policy, resolve, ...(ca === undefined ? {} : { ca }) });
      return leaving(answer, leave, outgoing.signal);
    } catch (error) {
      leave(isHostsFault(error) ? 'failed' : 'worked');
      throw error;
    }
  }

  #gate({ host }: URL): HostGate {
    const known = this.#gates.get(host);
    if (known !== undefined) return known;
    if (this.#gates.size >= HOSTS_REMEMBERED) {
      for (const [name, gate] of this.#gates) if (gate.isIdle) this.#gates.delete(name);
    }
    const gate = new HostGate(this.#parts.limits ?? USUAL_LIMITS, this.#parts.clock);
    this.#gates.set(host, gate);
    return gate;
  }
}

interface Arrived {
  readonly answer: Incoming;
  readonly url: URL;
}

/** The deadline's timer ends with the body. */
function fetched({ answer, url }: Arrived, timer: NodeJS.Timeout): Fetched {
  const body = finallyDo(answer.body, () => clearTimeout(timer));
  return {
    ...answer,
    url: url.href,
    body,
    discard: () => {
      clearTimeout(timer);
      answer.discard();
    },
    bytes: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}

/** Whoever neither reads nor discards the body leaves at the deadline. */
function leaving(answer: Incoming, leave: Leave, signal: AbortSignal): Incoming {
  const how = answer.status >= 500 ? 'failed' : 'worked';
  signal.addEventListener('abort', () => leave('failed'), { once: true });
  return {
    ...answer,
    body: finallyDo(answer.body, (error) => leave(isHostsFault(error) ? 'failed' : how)),
    discard: () => {
      leave(how);
      answer.discard();
    },
  };
}

async function* finallyDo(
  body: AsyncIterable<Buffer>,
  done: (error: unknown) => void,
): AsyncGenerator<Buffer> {
  let failed: unknown;
  try {
    yield* body;
  } catch (error) {
    failed = error;
    throw error;
  } finally {
    done(failed);
  }
}

/** What we refuse is no sign that the host is ill. */
function isHostsFault(error: unknown): boolean {
  return error instanceof FetchError && (error.kind === 'failed' || error.kind === 'timed-out');
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name.toLowerCase())));
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return within(signal, slept).finally(() => clearTimeout(timer));
}
