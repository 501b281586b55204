/**
 * Who may speak to an open server: programs of this machine, and no page of another site in a browser of this machine.
 * A name that is not ours in Host means that some name server was made to point here (DNS rebinding); a foreign Origin
 * means that a page elsewhere sends the request.
 * https://fetch.spec.whatwg.org/#http-cors-protocol, https://www.w3.org/TR/fetch-metadata/
 *
 * Invariant: in open mode a request passes only with a loopback name, or the public URL's, in Host; what may write passes
 * only from our own origin or from no page at all. Pages of other loopback origins may read.
 */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../fhir/outcome.js';
import { EXPOSED } from './cross-origin.js';
import { countHeader, headerOf } from './header.js';
import { isLoopback } from './loopback.js';

export interface GateSettings {
  readonly auth: 'open' | 'smart';
  readonly trustProxy: boolean;
  readonly publicUrl: string | undefined;
  readonly tlsCert: string | undefined;
}

/** Where the client believes to be. */
export interface Site {
  /** Host and port as in the Host header. */
  readonly host: string;
  readonly secure: boolean;
}

/** Headers for a page that may read across origins; undefined = none. */
export type CrossOriginHeaders = Readonly<Record<string, string>>;

export interface Admission {
  readonly site: Site;
  readonly crossOrigin: CrossOriginHeaders | undefined;
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export class Gate {
  readonly #settings: GateSettings;
  readonly #publicHost: string | undefined;
  /** Host headers that passed: a client sends the same again and again. */
  readonly #known = new Set<string>();

  constructor(settings: GateSettings) {
    this.#settings = settings;
    this.#publicHost = settings.publicUrl === undefined ? undefined : new URL(settings.publicUrl).host;
  }

  /** Throws what the request is refused with. */
  admit(request: IncomingMessage): Admission {
    const site = this.#site(request);
    if (this.#settings.auth !== 'open') return { site, crossOrigin: undefined };
    if (!this.#isOurs(site.host)) {
      throw new Refusal(
        'misdirected-host',
        'This server is open to this machine alone and answers to localhost: the Host header names another. ' +
          'Set FAIRWAY_PUBLIC_URL if clients reach it by that name.',
      );
    }
    const origin = headerOf(request, 'origin');
    if (origin === undefined) {
      checkFetchSite(request);
      return { site, crossOrigin: undefined };
    }
    return { site, crossOrigin: this.#crossOrigin(request, origin, site) };
  }

  #site(request: IncomingMessage): Site {
    const host = headerOf(request, 'host') ?? '';
    const secure = this.#settings.tlsCert !== undefined;
    if (!this.#settings.trustProxy) return { host, secure };
    const forwardedHost = firstOf(headerOf(request, 'x-forwarded-host'));
    const scheme = firstOf(headerOf(request, 'x-forwarded-proto'));
    return { host: forwardedHost ?? host, secure: scheme === undefined ? secure : scheme === 'https' };
  }

  #isOurs(host: string): boolean {
    if (this.#known.has(host)) return true;
    if (host !== this.#publicHost && !isLoopback(withoutPort(host))) return false;
    if (this.#known.size < 100) this.#known.add(host);
    return true;
  }

  #crossOrigin(request: IncomingMessage, origin: string, site: Site): CrossOriginHeaders | undefined {
    if (origin === `${site.secure ? 'https' : 'http'}://${site.host}`) return undefined;
    if (this.#settings.publicUrl !== undefined && origin === new URL(this.#settings.publicUrl).origin) {
      return undefined;
    }
    const asked = headerOf(request, 'access-control-request-method');
    const method = request.method === 'OPTIONS' && asked !== undefined ? asked : (request.method ?? '');
    if (!READS.has(method)) throw foreignOrigin();
    if (!URL.canParse(origin) || !isLoopback(new URL(origin).hostname)) {
      if (request.method === 'OPTIONS') throw foreignOrigin();
      return undefined; // without these headers the browser keeps the answer from the page
    }
    return {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': EXPOSED,
      vary: 'Origin',
      ...(asked === undefined
        ? {}
        : { 'access-control-allow-methods': 'GET, HEAD', 'access-control-allow-headers': ALLOWED }),
    };
  }
}

const ALLOWED = 'Accept, If-None-Match, If-Modified-Since, Prefer, X-Request-Id';

/** Browsers that leave out Origin still say where a request comes from. */
function checkFetchSite(request: IncomingMessage): void {
  const from = headerOf(request, 'sec-fetch-site');
  if (from === undefined || from === 'same-origin' || from === 'none') return;
  if (!READS.has(request.method ?? '')) throw foreignOrigin();
}

function foreignOrigin(): Refusal {
  return new Refusal(
    'origin-forbidden',
    'A page of another site may not write here: an open server takes writes from its own pages and from programs.',
  );
}

function firstOf(header: string | undefined): string | undefined {
  return header?.split(',', 1)[0]?.trim();
}

/** `[::1]` of `[::1]:8080`. */
function withoutPort(host: string): string {
  return host.replace(/:\d{1,5}$/, '');
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-3.2: more than one Host is a sign of a smuggled request. */
export function checkSingleHost(request: IncomingMessage): void {
  if (countHeader(request, 'host') > 1)
    throw new Refusal('malformed-request', 'The request has more than one Host header: send one.');
}
