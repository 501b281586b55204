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
/** What fetching a key set may take. */
export const KEY_SET_LIMITS = { maxBytes: 256 * 1024, timeLimit: 5_000, redirects: 0 } as const;

export function cappedKeySets(fetcher: Fetcher): NonNullable<Configuration['fetch']> {
  const fetch = webFetch(fetcher, KEY_SET_LIMITS);
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
