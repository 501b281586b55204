/**
 * Fetches the key sets of clients, through the guarded fetcher.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
 *
 * Invariant: a key set's own cache headers count, but not for ever: a key that was withdrawn is gone within the hour.
 */
import type { Configuration } from 'oidc-provider';
import type { Fetcher } from '../../net/fetcher.js';
import { webFetch } from '../../net/web-fetch.js';

const LONGEST_SECONDS = 3600;
const MAX_BYTES = 256 * 1024;
const TIME_LIMIT = 5_000;

export function cappedKeySets(fetcher: Fetcher): NonNullable<Configuration['fetch']> {
  const fetch = webFetch(fetcher, { maxBytes: MAX_BYTES, timeLimit: TIME_LIMIT, redirects: 0 });
  return async (url, init) => capped(await fetch(url as string | URL, init as RequestInit));
}

/** https://www.rfc-editor.org/rfc/rfc9111#section-5.2 */
function capped(answer: Response): Response {
  const headers = new Headers(answer.headers);
  const control = headers.get('cache-control') ?? '';
  const asked = Number(/max-age=(\d+)/.exec(control)?.[1] ?? 0);
  headers.delete('expires');
  headers.set('cache-control', `max-age=${Math.min(asked, LONGEST_SECONDS)}`);
  return new Response(answer.body, { status: answer.status, headers });
}
