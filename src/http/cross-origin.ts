/**
 * Pages of other sites in a browser, where access is by tokens: what they may read. A page holds no token but its own, so
 * there is nothing here that a browser would send by itself.
 * https://fetch.spec.whatwg.org/#http-cors-protocol
 *
 * Invariant: discovery is for every origin, everything else for the origins of registered clients.
 */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../fhir/outcome.js';
import type { MaybePromise } from '../ports/backend.js';
import type { CrossOriginHeaders } from './gate.js';
import { headerOf } from './header.js';

/** Answer headers that a page may read. */
export const EXPOSED = 'ETag, Last-Modified, Location, Content-Location, WWW-Authenticate, X-Request-Id';
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const REQUEST_HEADERS =
  'Authorization, Accept, Content-Type, If-Match, If-None-Match, If-None-Exist, If-Modified-Since, Prefer, X-Request-Id, X-Fairway-Emergency';

const FOR_ALL: CrossOriginHeaders = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': EXPOSED,
};

export function isPreflight(incoming: IncomingMessage): boolean {
  return incoming.method === 'OPTIONS' && headerOf(incoming, 'access-control-request-method') !== undefined;
}

/** The headers for a page; undefined where the browser shall keep the answer from it. Throws for its preflight. */
export function crossOriginHeaders(
  incoming: IncomingMessage,
  origin: string,
  isDiscovery: boolean,
  isRegistered: (origin: string) => MaybePromise<boolean>,
): MaybePromise<CrossOriginHeaders | undefined> {
  const asks = isPreflight(incoming);
  if (isDiscovery) return asks ? { ...FOR_ALL, ...ALLOWED } : FOR_ALL;
  const headers = (registered: boolean): CrossOriginHeaders | undefined => {
    if (!registered) {
      if (asks) throw unknownOrigin();
      return undefined;
    }
    return {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': EXPOSED,
      vary: 'Origin',
      ...(asks ? ALLOWED : {}),
    };
  };
  const registered = isRegistered(origin);
  return registered instanceof Promise ? registered.then(headers) : headers(registered);
}

const ALLOWED: CrossOriginHeaders = {
  'access-control-allow-methods': METHODS,
  'access-control-allow-headers': REQUEST_HEADERS,
  'access-control-max-age': '3600',
};

function unknownOrigin(): Refusal {
  return new Refusal(
    'origin-forbidden',
    'No client with this origin is registered here: its origin is that of its redirect URIs.',
  );
}
