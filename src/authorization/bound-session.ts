/**
 * Tokens that end when the person signs out: all that were granted without `offline_access`.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-a-refresh-token
 *
 * Invariant: such a token is good while its session is there and still that of the same person.
 */
import type { MaybePromise } from '../ports/backend.js';
import type { Records } from '../ports/records.js';
import type { IssuedToken } from './issued-token.js';
import { andThen } from './maybe.js';
import { readValue } from './record-json.js';
import { KIND } from './record-kinds.js';
import { tokenHash } from './token-hash.js';

/**
 * When the session ends that a token is bound to, in milliseconds since 1970: long ago where it is not there, or not that of
 * the token's person any more; never where the token is bound to none.
 */
export function sessionEnd(
  { expiresWithSession, sessionUid, accountId }: IssuedToken,
  records: Records,
): MaybePromise<number> {
  if (expiresWithSession !== true) return Number.POSITIVE_INFINITY;
  if (sessionUid === undefined) return LONG_AGO;
  const session = andThen(records.get(KIND.sessionUid, tokenHash(sessionUid)), (name) =>
    name === undefined ? undefined : records.get(KIND.session, name),
  );
  return andThen(session, (found) => {
    if (found === undefined) return LONG_AGO;
    const { accountId: holder, exp } = readValue<Session>(found);
    return holder === accountId ? exp * 1000 : LONG_AGO;
  });
}

const LONG_AGO = 0;

/** As oidc-provider writes it; `exp` in seconds since 1970. */
interface Session {
  readonly accountId?: string;
  readonly exp: number;
}
