/**
 * The bearer token of a request, and how one without a good token is refused.
 * https://www.rfc-editor.org/rfc/rfc6750
 *
 * Invariant: a token comes in one Authorization header and nowhere else: URLs end in logs.
 */
import { Refusal } from '../fhir/outcome.js';

/** Ours have 43 characters, an issuer's JWT some thousand. */
const LONGEST = 8192;
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** `header` undefined: there is none. */
export function bearerToken(header: string | undefined): string {
  if (header === undefined) {
    throw refusal('login', 'This needs an access token: send it as Authorization: Bearer ….', 'Bearer');
  }
  if (header.length > LONGEST) throw invalidToken(`It is longer than ${LONGEST} characters.`);
  const token = BEARER.exec(header)?.[1];
  if (token !== undefined) return token;
  throw refusal('login', 'The Authorization header must be: Bearer, a blank, the access token.', 'Bearer');
}

/** `why`: one sentence, which tells nothing of the token's content. */
export function invalidToken(why: string): Refusal {
  const description = why.replace(/["\\]/g, '');
  return refusal(
    'expired',
    `The access token is not accepted. ${why} Get a new one.`,
    `Bearer error="invalid_token", error_description="${description}"`,
  );
}

export function severalTokens(): Refusal {
  return new Refusal('malformed-request', 'The request has more than one Authorization header: send one.', {
    'www-authenticate': 'Bearer error="invalid_request"',
  });
}

function refusal(code: 'login' | 'expired', text: string, challenge: string): Refusal {
  return new Refusal('authentication-required', [{ severity: 'error', code, text }], {
    'www-authenticate': challenge,
  });
}

/** The token ended with the session in which it was granted. */
export function signedOut(): Refusal {
  return invalidToken('Who signed in has signed out.');
}
