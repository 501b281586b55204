/**
 * The audit log as the authorization server writes it.
 *
 * Invariant: what came of a request is durable before its answer goes out; no password, code, token or typed login is in it.
 */
import type { IncomingMessage } from 'node:http';
import type { Auditing } from '../interactions/audit/auditing.js';
import type { SecurityEventName } from '../interactions/audit/security-events.js';
import type { AuditOutcome } from '../ports/audit-log.js';
import { principalOf } from '../smart/grant.js';

/** Of a request, as the door knows it. */
export interface Origin {
  readonly requestId: string;
  /** The address that it came from. */
  readonly network?: string;
}

export interface Told {
  readonly event: SecurityEventName;
  readonly outcome: AuditOutcome;
  /** Of a registered one. */
  readonly client?: string | undefined;
  readonly person?: { readonly subject: string; readonly fhirUser: string } | undefined;
  readonly scope?: string | undefined;
  /** Whose record it is about. */
  readonly patient?: string | undefined;
  /** What an administrator did, and with what: `act=disable&client=0190…`. */
  readonly query?: string | undefined;
}

const NOWHERE: Origin = { requestId: 'unknown' };

export class SecurityLog {
  readonly #auditing: Auditing | undefined;
  readonly #origins = new WeakMap<IncomingMessage, Origin>();

  /** Undefined: there is no audit. */
  constructor(auditing: Auditing | undefined) {
    this.#auditing = auditing;
  }

  get isKept(): boolean {
    return this.#auditing !== undefined;
  }

  /** Remembers where a request came from for as long as it is under way. */
  enter(request: IncomingMessage, origin: Origin): void {
    this.#origins.set(request, origin);
  }

  /** Durable when it resolves. */
  async tell(request: IncomingMessage, told: Told): Promise<void> {
    if (this.#auditing === undefined) return;
    const { event, outcome, client, person, scope, patient, query } = told;
    await this.#auditing.record({
      time: this.#auditing.now(),
      ...(this.#origins.get(request) ?? NOWHERE),
      interaction: event,
      outcome,
      principal: principal(client, person?.subject),
      ...(client === undefined ? {} : { client }),
      ...(person === undefined ? {} : { user: person.fhirUser }),
      ...(scope === undefined || scope === '' ? {} : { scope }),
      ...(patient === undefined ? {} : { patients: [patient] }),
      ...(query === undefined ? {} : { query }),
    });
  }
}

function principal(client: string | undefined, subject: string | undefined): string {
  if (client !== undefined) return principalOf(client, subject);
  return subject === undefined ? 'unknown' : `user:${subject}`;
}
