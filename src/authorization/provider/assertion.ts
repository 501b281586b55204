/**
 * What SMART asks of a client's assertion beyond OpenID Connect; signature, issuer, audience, expiry and single use were
 * checked before (oidc-provider).
 * https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint
 *
 * Invariant: keys come from the registration alone, never from the assertion.
 */
import { errors } from 'oidc-provider';
import type { RegisteredClient } from '../clients/client.js';

/** Five minutes, and the skew of a clock that goes ahead. */
const LONGEST_SECONDS = 300;
/** Headers that name a key, or ask for what is not understood. */
const FOREIGN = ['jwk', 'x5c', 'x5u', 'crit', 'b64'] as const;

export interface Assertion {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly header: Readonly<Record<string, unknown>>;
}

/** `now`, `skew`: seconds. Throws what the client is answered. */
export function checkAssertion(
  { claims, header }: Assertion,
  { proof }: RegisteredClient,
  now: number,
  skew: number,
): void {
  if (typeof header.kid !== 'string' || header.kid === '') throw refused('kid is missing in its header');
  if (header.typ !== undefined && header.typ !== 'JWT') throw refused('typ must be JWT');
  const foreign = FOREIGN.find((name) => name in header);
  if (foreign !== undefined) throw refused(`${foreign} in its header is not accepted`);
  if ('jku' in header && !(proof.by === 'key-url' && header.jku === proof.url)) {
    throw refused('jku must be the URL that was registered');
  }
  const { exp, iat, jti } = claims;
  if (typeof exp !== 'number' || exp > now + LONGEST_SECONDS + skew) {
    throw refused('exp must be no more than five minutes ahead');
  }
  if (iat !== undefined && (typeof iat !== 'number' || iat > now + skew)) {
    throw refused('iat lies ahead');
  }
  if (typeof jti !== 'string' || jti.length > 1024)
    throw refused('jti must be a text of up to 1024 characters');
}

function refused(why: string): Error {
  return new errors.InvalidClientAuth(`client assertion: ${why}`);
}
