/**
 * From the token of a request to what its holder may do.
 *
 * Invariants
 * - A token that was revoked, whose client or whose person was disabled, or whose session has ended, is refused by every process with its next request: what is
 *   remembered holds as long as no record has changed and its times have not passed, else the records are looked at again.
 * - A token is accepted for the FHIR base that it was issued for, and for no other.
 */
import type { AskAccess } from '../access/standing.js';
import type { Clock } from '../base/clock.js';
import { GenerationCache } from '../base/generation-cache.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { MaybePromise } from '../ports/backend.js';
import type { CurrentDefinitions } from '../ports/current-definitions.js';
import type { Records } from '../ports/records.js';
import type { Grant } from '../smart/grant.js';
import { bearerToken, invalidToken, signedOut } from './bearer.js';
import { sessionEnd } from './bound-session.js';
import type { RegisteredClient } from './clients/client.js';
import { grantOf, type IssuedToken } from './issued-token.js';
import { andThen } from './maybe.js';
import { readValue } from './record-json.js';
import { KIND } from './record-kinds.js';
import { tokenHash } from './token-hash.js';
import type { RegisteredUser } from './users/user.js';

export interface TokenCheckParts {
  readonly records: Records;
  readonly clock: Clock;
  /** The audience that tokens must have. */
  readonly fhirBase: string;
  readonly decide: AskAccess;
  /** Tokens of other issuers that are trusted; undefined where a token is none of theirs. */
  readonly foreign?: ForeignTokens;
  /** Who is asked about tokens that are neither ours nor theirs. */
  readonly introspection?: { check(token: string): Promise<Grant> };
}

export interface ForeignTokens {
  /** Undefined where the token cannot be theirs; a promise rejects with the refusal. */
  check(token: string): Promise<Grant> | undefined;
}

/** What was found out about a token. */
interface Known {
  /** Of the records, when they were looked at. */
  generation: number;
  /** The records themselves: as long as they read the same, so does the decision. */
  readonly token: string;
  readonly client: string;
  /** Undefined where no person stands behind the token. */
  readonly person: string | undefined;
  readonly definitions: CurrentDefinitions;
  readonly grant: Grant;
  readonly decision: AccessDecision;
  /** When it ends though no record changes: milliseconds since 1970. A session that was used ends later. */
  until: number;
}

const REMEMBERED = 5_000;

export class TokenCheck {
  readonly #parts: TokenCheckParts;
  /** By the header as nearly everybody writes it: taking it apart costs more than finding it. */
  readonly #known = new GenerationCache<string, Known>(REMEMBERED);

  constructor(parts: TokenCheckParts) {
    this.#parts = parts;
  }

  /**
   * Throws, or rejects with, the refusal of a request whose token is missing or not good. `emergency`: the reason that it
   * gives for breaking the glass.
   */
  decide(
    header: string | undefined,
    definitions: CurrentDefinitions,
    emergency?: string,
  ): MaybePromise<AccessDecision> {
    const known = header === undefined || emergency !== undefined ? undefined : this.#known.get(header);
    if (known === undefined) return this.#decideAnew(header, definitions, emergency);
    return andThen(this.#parts.records.generation(), (generation) =>
      this.#holds(known, generation, definitions)
        ? known.decision
        : this.#decideAnew(header, definitions, emergency),
    );
  }

  #decideAnew(
    header: string | undefined,
    definitions: CurrentDefinitions,
    emergency: string | undefined,
  ): MaybePromise<AccessDecision> {
    const token = bearerToken(header);
    return andThen(this.#ofOthers(token), (foreign) => {
      if (foreign === undefined) return this.#ofOurs(token, definitions, emergency);
      return emergency === undefined
        ? this.#decisionFor(foreign, definitions)
        : this.#inEmergency(emergency, foreign, definitions);
    });
  }

  /** Undefined where the token is one of ours, or nobody's. No token of ours that lives is shown to anybody. */
  #ofOthers(token: string): MaybePromise<Grant | undefined> {
    const { foreign, introspection, records } = this.#parts;
    const named = foreign?.check(token);
    if (named !== undefined || introspection === undefined || this.#known.get(keyOf(token)) !== undefined)
      return named;
    return andThen(records.get(KIND.accessToken, tokenHash(token)), (ours) =>
      ours === undefined ? introspection.check(token) : undefined,
    );
  }

  #ofOurs(
    token: string,
    definitions: CurrentDefinitions,
    emergency: string | undefined,
  ): MaybePromise<AccessDecision> {
    const known = this.#knownOf(token, definitions);
    if (emergency === undefined) return andThen(known, ({ decision }) => decision);
    return andThen(known, ({ grant }) => this.#inEmergency(emergency, grant, definitions));
  }

  #knownOf(token: string, definitions: CurrentDefinitions): MaybePromise<Known> {
    return andThen(this.#parts.records.generation(), (generation) => {
      const known = this.#known.get(keyOf(token));
      const holds = known !== undefined && this.#holds(known, generation, definitions);
      return holds ? known : this.#lookUp(token, known, generation, definitions);
    });
  }

  /** Whether what was found out can be used again without a look at the records. */
  #holds({ generation, definitions, until }: Known, current: number, wanted: CurrentDefinitions): boolean {
    return generation === current && definitions === wanted && this.#parts.clock.now() < until;
  }

  #lookUp(
    token: string,
    known: Known | undefined,
    generation: number,
    definitions: CurrentDefinitions,
  ): MaybePromise<Known> {
    const { records, clock } = this.#parts;
    return andThen(records.get(KIND.accessToken, tokenHash(token)), (written) => {
      if (written === undefined) throw invalidToken('It is not known, was revoked or has expired.');
      const issued = readValue<IssuedToken>(written);
      const { accountId } = issued;
      const session = sessionEnd(issued, records);
      const person = accountId === undefined ? undefined : records.get(KIND.user, accountId);
      return andThen(records.get(KIND.client, issued.clientId), (client) =>
        andThen(person, (user) =>
          andThen(session, (sessionEnds) => {
            const now = clock.now();
            if (sessionEnds <= now) throw signedOut();
            this.#check(issued, client, user);
            if (issued.exp * 1000 <= now) throw invalidToken('It has expired.');
            const isSame = known?.token === written && known.client === client && known.person === user;
            if (known !== undefined && isSame && this.#stands(known, definitions)) {
              known.generation = generation;
              known.until = untilOf(known, sessionEnds);
              return known;
            }
            const grant = grantOf(issued, representedBy(client));
            return andThen(this.#decisionFor(grant, definitions), (decision) => {
              const records = { token: written, client: client ?? '', person: user };
              const until = untilOf({ grant, decision }, sessionEnds);
              const fresh = { generation, ...records, definitions, grant, decision, until };
              this.#known.set(keyOf(token), fresh);
              return fresh;
            });
          }),
        ),
      );
    });
  }

  /** Whether what was decided can be used again where the records read the same. */
  #stands({ definitions, decision: { until } }: Known, current: CurrentDefinitions): boolean {
    return definitions === current && (until === undefined || this.#parts.clock.now() < until);
  }

  #check({ aud, accountId }: IssuedToken, client: string | undefined, person: string | undefined): void {
    if (aud !== this.#parts.fhirBase) throw invalidToken('It is for another server.');
    if (client === undefined || readValue<RegisteredClient>(client).status !== 'active') {
      throw invalidToken('Its client may not come in any more.');
    }
    if (accountId === undefined) return;
    if (person === undefined || readValue<RegisteredUser>(person).status !== 'active') {
      throw invalidToken('Who signed in may not come in any more.');
    }
  }

  #decisionFor(grant: Grant, definitions: CurrentDefinitions): MaybePromise<AccessDecision> {
    const { clock, decide } = this.#parts;
    return decide(grant, definitions.definitions, clock.now());
  }

  #inEmergency(
    reason: string,
    grant: Grant,
    { definitions }: CurrentDefinitions,
  ): MaybePromise<AccessDecision> {
    const { clock, decide } = this.#parts;
    return decide.inEmergency(reason, grant, definitions, clock.now());
  }
}

/** One for each token, however its header is written. */
function keyOf(token: string): string {
  return `Bearer ${token}`;
}

function untilOf({ grant, decision }: Pick<Known, 'grant' | 'decision'>, sessionEnds: number): number {
  return Math.min(grant.expires, sessionEnds, decision.until ?? Number.POSITIVE_INFINITY);
}

function representedBy(client: string | undefined): readonly string[] | undefined {
  return client === undefined ? undefined : readValue<RegisteredClient>(client).represents;
}
