/**
 * The access token of a request to this server's own endpoints, looked up: what was issued, and to which client.
 *
 * Invariant: a token that has ended, is for another audience or whose client is not active is as good as none.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../base/clock.js';
import type { Records } from '../ports/records.js';
import { bearerToken, invalidToken, signedOut } from './bearer.js';
import { sessionEnd } from './bound-session.js';
import type { RegisteredClient } from './clients/client.js';
import type { Clients } from './clients/clients.js';
import type { IssuedToken } from './issued-token.js';
import { readValue } from './record-json.js';
import { KIND } from './record-kinds.js';
import { tokenHash } from './token-hash.js';

export interface PresentedParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly clients: Clients;
  readonly settings: { readonly fhirBase: string };
}

export interface PresentedToken {
  readonly issued: IssuedToken;
  readonly client: RegisteredClient;
}

/** Throws Refusal where there is no good token. */
export async function presentedToken(
  request: IncomingMessage,
  { records, clock, clients, settings }: PresentedParts,
): Promise<PresentedToken> {
  const token = bearerToken(request.headers.authorization);
  const written = await records.get(KIND.accessToken, tokenHash(token));
  if (written === undefined) throw invalidToken('It is not known, was revoked or has expired.');
  const issued = readValue<IssuedToken>(written);
  if (issued.aud !== settings.fhirBase) throw invalidToken('It is for another server.');
  const now = clock.now();
  if (issued.exp * 1000 <= now) throw invalidToken('It has expired.');
  if ((await sessionEnd(issued, records)) <= now) throw signedOut();
  const client = await clients.get(issued.clientId);
  if (client?.status !== 'active') throw invalidToken('Its client may not come in any more.');
  return { issued, client };
}
