/**
 * The writer thread's end of the audit log: a chain of batches, from the first record after its start to its close.
 *
 *   hash(n) = SHA-256( hash(n − 1) ‖ place ‖ number of the first record ‖ count ‖ heads ‖ lines )
 *   hash(0) = SHA-256( name ‖ started ‖ site )
 *
 * A checkpoint is a batch that tells the heads (number of the last record and hash) of all chains that have grown since the
 * checkpoint before. The first and the last batch of a chain are checkpoints, and every so many between them, so a chain's
 * end is vouched for by whoever wrote next. Checkpoints are told to the process's log too, where nobody with access to the
 * file alone can change them.
 *
 * Invariant: what was not committed is not in the chain that this object knows.
 */
import { createHash, randomBytes } from 'node:crypto';
import { assert } from '../../base/assert.js';
import type { Clock } from '../../base/clock.js';
import type { AuditChainFacts } from '../../ports/audit-log.js';
import { type AuditPage, gathered } from './audit-pages.js';
import type { Connection } from './connection.js';
import type { Answer } from './messages.js';

const CHECKPOINT_EVERY = 256;

const LAST = 'SELECT max(place) FROM audit';
const ADD_CHAIN = 'INSERT INTO audit_chain(name, started, site) VALUES (?, ?, ?)';
const ADD = `INSERT INTO audit(place, chain, first, count, lines, heads, hash)
  VALUES (?, ?, ?, ?, CAST(? AS TEXT), ?, ?)`;
/** Of each chain that has grown since the last checkpoint, which belongs to them, its newest batch. */
const HEADS = `SELECT c.name, a.first + a.count - 1, lower(hex(a.hash)) FROM audit a JOIN audit_chain c ON c.chain = a.chain
  WHERE a.place IN (SELECT max(place) FROM audit
    WHERE place >= coalesce((SELECT max(place) FROM audit WHERE heads IS NOT NULL), 0) GROUP BY chain)
  ORDER BY a.place`;
const FOLLOW = "UPDATE setting SET value = ? WHERE name = 'audit_followed' AND value = ?";

const NO_LINES: AuditPage = { count: 0, lines: new Uint8Array() };

/** The end of a chain: `sequence` of its last record, 0 where there is none yet. */
interface Head {
  readonly chain: number;
  readonly name: string;
  readonly sequence: number;
  readonly hash: Buffer;
  /** Batches since the last checkpoint. */
  readonly unvouched: number;
}

/** What a batch's hash covers beside the hash before it. */
export interface HashedBatch {
  readonly place: number;
  readonly first: number;
  readonly count: number;
  readonly heads: string | null;
  readonly lines: string | Uint8Array;
}

type Checkpoint = Answer & { readonly kind: 'checkpoint' };

export class AuditChain {
  readonly #connection: Connection;
  readonly #site: string;
  readonly #clock: Clock;
  /** As committed. */
  #head: Head | undefined;
  /** As in the open transaction. */
  #next: Head | undefined;
  #told: readonly Checkpoint[] = [];

  constructor(connection: Connection, site: string, clock: Clock) {
    this.#connection = connection;
    this.#site = site;
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#head !== undefined;
  }

  /** Inside a transaction. */
  append(pages: readonly AuditPage[]): void {
    for (const page of gathered(pages)) {
      const head = this.#next ?? this.#begun();
      const isDue = head.sequence === 0 || head.unvouched >= CHECKPOINT_EVERY;
      this.#add(head, page, isDue);
    }
  }

  /** A batch without records. Inside a transaction. */
  checkpoint(): void {
    if (this.#next !== undefined) this.#add(this.#next, NO_LINES, true);
  }

  /** The transaction was committed; answers the checkpoints that were in it. */
  committed(): readonly Checkpoint[] {
    this.#head = this.#next;
    const told = this.#told;
    this.#told = [];
    return told;
  }

  rolledBack(): void {
    this.#next = this.#head;
    this.#told = [];
  }

  #begun(): Head {
    const name = randomBytes(8).toString('hex');
    const started = this.#clock.now();
    const { lastInsertRowid } = this.#connection.run(ADD_CHAIN, name, started, this.#site);
    const hash = genesis({ name, started, site: this.#site });
    return { chain: Number(lastInsertRowid), name, sequence: 0, hash, unvouched: 0 };
  }

  #add(head: Head, { count, lines }: AuditPage, isCheckpoint: boolean): void {
    const place = (this.#connection.get<[number | null]>(LAST)?.[0] ?? 0) + 1;
    const heads = isCheckpoint ? this.#heads() : null;
    const batch = { place, first: head.sequence + 1, count, heads, lines };
    const hash = batchHash(head.hash, batch);
    this.#connection.run(ADD, place, head.chain, batch.first, count, bufferOf(lines), heads, hash);
    const sequence = head.sequence + count;
    this.#next = { ...head, sequence, hash, unvouched: isCheckpoint ? 0 : head.unvouched + 1 };
    if (isCheckpoint) {
      this.#told = [
        ...this.#told,
        { kind: 'checkpoint', chain: head.name, sequence, hash: hash.toString('hex') },
      ];
    }
  }

  /** `name sequence hash`, a line each. */
  #heads(): string {
    return this.#connection
      .all<[string, number, string]>(HEADS)
      .map((head) => head.join(' '))
      .join('\n');
  }
}

/** The same bytes. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

export function genesis({ name, started, site }: AuditChainFacts): Buffer {
  return createHash('sha256').update(`${name}\n${started}\n${site}`).digest();
}

export function batchHash(before: Buffer, { place, first, count, heads, lines }: HashedBatch): Buffer {
  assert(before.length === 32, 'a hash is a SHA-256');
  return createHash('sha256')
    .update(before)
    .update(`${place} ${first} ${count} ${heads === null ? 0 : heads.length}\n${heads ?? ''}\n`)
    .update(lines)
    .digest();
}

/** False: another process has followed the log meanwhile. */
export function advanceFollowed(
  connection: Connection,
  { from, to }: { readonly from: number; readonly to: number },
): boolean {
  return connection.run(FOLLOW, to, from).changes === 1;
}
