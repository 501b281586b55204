/**
 * The audit log: who did what to whose data, when, from where, and what came of it.
 * https://hl7.org/fhir/R4/auditevent.html, https://profiles.ihe.net/ITI/BALP/
 *
 * Invariants
 * - Records are appended in batches, never changed and never removed. Each batch is chained by its hash to the one before
 *   it of the same writer, and records of a chain are numbered without gaps.
 * - What `record` or a commit takes is durable when they resolve. What `note` takes is durable within a second, or when
 *   `flush` resolves: a process that is killed loses the notes of that second.
 * - Records identify patients by id alone. The query holds what was searched for: it stays in the store.
 */
import type { MaybePromise } from './backend.js';

/** `refused`: the client was (4xx); `error`: the server failed (5xx). */
export const AUDIT_OUTCOMES = ['success', 'refused', 'error'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** What an access decision says of its holder beside the principal's name. */
export interface AuditAgent {
  /** The client's registered id. */
  readonly client?: string | undefined;
  /** The person: `Practitioner/1`, or the name under which the identity provider knows them. */
  readonly user?: string | undefined;
  /** Scopes as granted, between blanks. */
  readonly scope?: string | undefined;
  /** Why the glass was broken: access beyond the usual, in an emergency. */
  readonly emergency?: string | undefined;
}

export interface AuditRecord extends AuditAgent {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly requestId: string;
  /** A name of the table of routes (`read`, `search-type`); `none` where the request fitted none. */
  readonly interaction: string;
  readonly outcome: AuditOutcome;
  /** HTTP; absent where the record went with its commit, before there was an answer. */
  readonly status?: number | undefined;
  readonly principal: string;
  /** The address that the request came from. */
  readonly network?: string | undefined;
  readonly type?: string | undefined;
  readonly id?: string | undefined;
  /** What was asked, each name and value percent-encoded: `patient=1&code=x`; cut off where it is very long. */
  readonly query?: string | undefined;
  /** Ids of the patients whose data was read or written. */
  readonly patients?: readonly string[] | undefined;
  /** There were more than are listed. */
  readonly morePatients?: true | undefined;
}

/** What one writer appended, from its start to its end. */
export interface AuditChainFacts {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  /** The base URL of the server. */
  readonly site: string;
}

export interface AuditBatch {
  /** Rises by one with each batch of the log, whoever appended it. */
  readonly place: number;
  readonly chain: AuditChainFacts;
  /** The number of the first record in its chain, from 1. */
  readonly first: number;
  readonly records: readonly AuditRecord[];
}

export interface AuditLog {
  /** Throws Refusal('unavailable') while the log cannot be written. */
  note(record: AuditRecord): void;
  /** Durable when it resolves. */
  record(record: AuditRecord): Promise<void>;
  /** Resolves when all notes taken before are durable. */
  flush(): Promise<void>;
  /** Batches behind a place, in order, at most `limit`. */
  read(after: number, limit: number): MaybePromise<readonly AuditBatch[]>;
  /** The place of the last batch; 0 where there is none. */
  end(): MaybePromise<number>;
  /** Up to which place audit events were made of the records; moved by commits that follow the log. */
  followed(): MaybePromise<number>;
}

/** What a checkpoint says: the record of this number was the chain's last, with this hash. */
export interface KnownHead {
  readonly chain: string;
  readonly sequence: number;
  /** Hexadecimal. */
  readonly hash: string;
}

/** Where a log was tampered with. */
export interface AuditFinding {
  /** Of the batch; absent: of an audit event, or of the log as a whole. */
  readonly place?: number;
  readonly text: string;
}

/** What a verification has looked at. */
export interface AuditSummary {
  readonly batches: number;
  readonly records: number;
  readonly chains: number;
  /** Chains that were not closed: their writers were killed, are at work, or the end was cut off. */
  readonly open: number;
  /** Audit events that are as their records say. */
  readonly events: number;
}

/** The id of the audit event of a record: the same whoever makes it, however often. */
export function auditEventId(chain: AuditChainFacts, sequence: number): string {
  return `${chain.name}-${sequence}`;
}
