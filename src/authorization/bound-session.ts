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

/** True too where the token is not bound to a session. */
export function isSessionThere(
  { expiresWithSession, sessionUid, accountId }: IssuedToken,
  records: Records,
): MaybePromise<boolean> {
  if (expiresWithSession !== true) return true;
  if (sessionUid === undefined) return false;
  const session = andThen(records.get(KIND.sessionUid, tokenHash(sessionUid)), (name) =>
    name === undefined ? undefined : records.get(KIND.session, name),
  );
  return andThen(
    session,
    (found) =>
      found !== undefined && readValue<{ readonly accountId?: string }>(found).accountId === accountId,
  );
}
