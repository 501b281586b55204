/**
 * The guarded fetcher in the shape of the web's `fetch`, for libraries that take one (oidc-provider, jose).
 * https://fetch.spec.whatwg.org/#fetch-method
 *
 * Invariant: the answer's body was read whole, within the limit, before the Response exists.
 */
import type { Method } from './exchange.js';
import type { Fetcher } from './fetcher.js';

export interface WebFetchLimits {
  readonly maxBytes: number;
  readonly timeLimit?: number;
  readonly redirects?: number;
}

const METHODS: ReadonlySet<string> = new Set<Method>(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']);
/** https://fetch.spec.whatwg.org/#null-body-status */
const WITHOUT_BODY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/** Text and bytes are taken as bodies; of RequestInit's other members only `method`, `headers` and `redirect` mean anything. */
export function webFetch(
  fetcher: Fetcher,
  limits: WebFetchLimits,
): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return async (url, init = {}) => {
    const { method = 'GET', redirect } = init;
    if (!METHODS.has(method)) throw new TypeError(`${method} is not fetched`);
    const body = bodyOf(init.body);
    const fetched = await fetcher.fetch({
      url: String(url),
      method: method as Method, // looked at just above
      headers: Object.fromEntries(new Headers(init.headers)),
      ...limits,
      ...(redirect === 'error' || redirect === 'manual' ? { redirects: 0 } : {}),
      ...(body === undefined ? {} : { body }),
    });
    const bytes = await fetched.bytes();
    return new Response(WITHOUT_BODY.has(fetched.status) ? null : new Uint8Array(bytes), {
      status: fetched.status,
      headers: fetched.headers,
    });
  };
}

function bodyOf(body: RequestInit['body']): Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof URLSearchParams) return Buffer.from(body.toString());
  if (body instanceof Uint8Array) return Buffer.from(body);
  throw new TypeError('only text and bytes are sent');
}
