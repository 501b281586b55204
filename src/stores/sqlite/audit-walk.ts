/**
 * Walks the audit log of a store file from its first batch to its last and says where it was tampered with; or gives its
 * records.
 *
 * What is found: a batch that was changed, removed, put in or moved; the end of a chain cut off before the last checkpoint
 * that knows of it; an audit event that was changed, removed, or made up under an id that only the log gives.
 * What cannot be found in the file alone: batches cut off behind the last checkpoint of all chains, and a log that was
 * written anew from some batch to its end. Checkpoints in the process's log tell of both: `known` are such.
 *
 * Invariant: reads, never writes; memory does not grow with the log but with the number of chains.
 */
import {
  type AuditChainFacts,
  type AuditFinding,
  type AuditRecord,
  type AuditSummary,
  auditEventId,
  type KnownHead,
} from '../../ports/audit-log.js';
import { batchHash, genesis } from './audit-chain.js';
import { recordsOf, UnreadableRecords } from './audit-text.js';
import { type Cell, Connection } from './connection.js';
import { checkVersion } from './migrations.js';
import { storedBytes } from './stored-bytes.js';

/** The rest of an audit event's stored JSON behind its meta, as it must be. */
export type EventText = (
  chain: AuditChainFacts,
  sequence: number,
  record: AuditRecord,
) => { readonly metaRest: string; readonly rest: string };

export interface WalkParts {
  readonly file: string;
  readonly onProgress: (done: number, total: number) => void;
}

type Row = readonly [
  place: number,
  chain: number,
  first: number,
  count: number,
  /** A cell may have been changed to anything. */
  lines: string | Buffer,
  heads: string | null,
  hash: Buffer,
];

interface Chain extends AuditChainFacts {
  sequence: number;
  hash: Buffer;
  isClosed: boolean;
  /** Hashes at record numbers that checkpoints may speak of: of its last batches alone. */
  readonly recent: Map<number, string>;
}

const STEP = 100;
/** Another writer's checkpoint tells of a head that may have grown by a few batches since, never by as many. */
const RECENT = 1_024;
const ROWS = `SELECT place, chain, first, count, lines, heads, hash FROM audit WHERE place > ? ORDER BY place LIMIT ${STEP}`;
const CHAINS = 'SELECT chain, name, started, site FROM audit_chain ORDER BY chain';
const FOLLOWED = "SELECT value FROM setting WHERE name = 'audit_followed'";
const EVENT = `SELECT v.version, v.last_updated, v.bytes FROM resource r JOIN version v ON v.position = r.position
  WHERE r.type = (SELECT id FROM type WHERE name = 'AuditEvent') AND r.id = ? AND r.live = 1`;
const EVENTS = `SELECT r.id FROM resource r WHERE r.type = (SELECT id FROM type WHERE name = 'AuditEvent') AND r.id > ?
  AND r.live = 1 ORDER BY r.id LIMIT ${STEP}`;

/** All findings, as they are found. */
export function verifyAuditLog(
  { file, onProgress }: WalkParts,
  eventText: EventText,
  known: readonly KnownHead[],
  onFinding: (finding: AuditFinding) => void,
): AuditSummary {
  const connection = openForWalk(file);
  try {
    return connection.snapshot(() =>
      new Verification(connection, eventText, known, onFinding).run(onProgress),
    );
  } finally {
    connection.close();
  }
}

/** Records from one time to another (milliseconds, inclusive), in the order of the log. */
export function* auditRecords(
  { file, onProgress }: WalkParts,
  since: number,
  until: number,
): Generator<{ readonly chain: AuditChainFacts; readonly sequence: number; readonly record: AuditRecord }> {
  const connection = openForWalk(file);
  try {
    const chains = new Map(chainRows(connection));
    const total = endOf(connection);
    for (const [place, number, first, , lines] of rowsOf(connection, total)) {
      const chain = chains.get(number);
      for (const [at, record] of recordsOf(lines).entries()) {
        if (chain === undefined || record.time < since || record.time > until) continue;
        yield { chain, sequence: first + at, record };
      }
      onProgress(place, total);
    }
  } finally {
    connection.close();
  }
}

class Verification {
  readonly #connection: Connection;
  readonly #eventText: EventText;
  readonly #known: readonly KnownHead[];
  readonly #onFinding: (finding: AuditFinding) => void;
  readonly #chains: ReadonlyMap<number, Chain>;
  readonly #byName: ReadonlyMap<string, Chain>;
  readonly #followed: number;
  /** What checkpoints said and the walk has not come to yet. */
  readonly #vouched = new Map<string, KnownHead>();
  #batches = 0;
  #records = 0;
  #events = 0;

  constructor(
    connection: Connection,
    eventText: EventText,
    known: readonly KnownHead[],
    onFinding: (finding: AuditFinding) => void,
  ) {
    this.#connection = connection;
    this.#eventText = eventText;
    this.#known = known;
    this.#onFinding = onFinding;
    this.#followed = connection.get<[number]>(FOLLOWED)?.[0] ?? 0;
    this.#chains = new Map(
      chainRows(connection).map(([number, facts]) => [
        number,
        { ...facts, sequence: 0, hash: genesis(facts), isClosed: false, recent: new Map() },
      ]),
    );
    this.#byName = new Map([...this.#chains.values()].map((chain) => [chain.name, chain]));
  }

  run(onProgress: WalkParts['onProgress']): AuditSummary {
    const total = endOf(this.#connection);
    for (const head of this.#known) this.#vouched.set(`${head.chain} ${head.sequence}`, head);
    let expected = 1;
    for (const row of rowsOf(this.#connection, total)) {
      const [place] = row;
      if (place !== expected) {
        const gap = place - 1 === expected ? `batch ${expected}` : `batches ${expected} to ${place - 1}`;
        this.#onFinding({ place: expected, text: `${gap} of the log: removed` });
      }
      expected = place + 1;
      this.#checkBatch(row);
      onProgress(place, total);
    }
    if (this.#followed > total) {
      this.#onFinding({
        text: `the end of the log was cut off: events were made up to batch ${this.#followed}`,
      });
    }
    for (const head of this.#vouched.values()) this.#onFinding({ text: missingHead(head) });
    this.#checkStrangers();
    const open = [...this.#chains.values()].filter(({ isClosed }) => !isClosed).length;
    return {
      batches: this.#batches,
      records: this.#records,
      chains: this.#chains.size,
      open,
      events: this.#events,
    };
  }

  #checkBatch([place, number, first, count, lines, heads, hash]: Row): void {
    this.#batches += 1;
    this.#records += count;
    const chain = this.#chains.get(number);
    if (chain === undefined) {
      this.#onFinding({ place, text: 'belongs to a chain that is not there' });
      return;
    }
    if (first !== chain.sequence + 1) {
      this.#onFinding({
        place,
        text: `chain ${chain.name} goes on with record ${first} where ${chain.sequence + 1} should be`,
      });
    }
    const made = batchHash(chain.hash, { place, first, count, heads, lines });
    if (!made.equals(hash)) {
      this.#onFinding({
        place,
        text: `its hash is not that of chain ${chain.name}: changed, or one before it was`,
      });
    }
    const records = this.#readable(place, lines);
    if (records !== undefined && records.length !== count) {
      this.#onFinding({ place, text: `it has not the ${count} records that it tells of` });
    }
    if (heads !== null) this.#checkHeads(place, heads);
    // The walk goes on from what is there, so that one change is one finding.
    chain.sequence = first + count - 1;
    chain.hash = hash;
    chain.isClosed = count === 0;
    remember(chain);
    this.#reached(chain);
    if (place <= this.#followed) this.#checkEvents(place, chain, first, records ?? []);
  }

  #reached({ name, sequence, hash }: Chain): void {
    const head = this.#vouched.get(`${name} ${sequence}`);
    if (head === undefined || head.hash !== hash.toString('hex')) return;
    this.#vouched.delete(`${name} ${sequence}`);
  }

  /** What a checkpoint tells of was committed before it. */
  #checkHeads(place: number, heads: string): void {
    for (const line of heads === '' ? [] : heads.split('\n')) {
      const [chain = '', sequence = '', hash = ''] = line.split(' ');
      if (this.#byName.get(chain)?.recent.get(Number(sequence)) === hash) continue;
      this.#onFinding({
        place,
        text: `a checkpoint knows record ${sequence} of chain ${chain}, which is not there as it was: the end of the chain was cut off or changed`,
      });
    }
  }

  #checkEvents(place: number, chain: Chain, first: number, records: readonly AuditRecord[]): void {
    for (const [at, record] of records.entries()) {
      const sequence = first + at;
      const id = auditEventId(chain, sequence);
      const problem = this.#eventProblem(id, this.#eventText(chain, sequence, record));
      if (problem !== undefined) this.#onFinding({ place, text: `AuditEvent/${id} ${problem}` });
      else this.#events += 1;
    }
  }

  #readable(place: number, lines: string | Buffer): readonly AuditRecord[] | undefined {
    try {
      return recordsOf(lines);
    } catch (error) {
      if (!(error instanceof UnreadableRecords)) throw error;
      this.#onFinding({ place, text: 'its records cannot be read' });
      return undefined;
    }
  }

  #eventProblem(id: string, { metaRest, rest }: ReturnType<EventText>): string | undefined {
    const stored = this.#connection.get<[number, number, Cell]>(EVENT, id);
    if (stored === undefined) return 'was removed';
    const [version, lastUpdated, bytes] = stored;
    const wanted = storedBytes({ type: 'AuditEvent', id, metaRest, rest }, '1', lastUpdated);
    const isSame = version === 1 && Buffer.isBuffer(bytes) && bytes.equals(wanted);
    return isSame ? undefined : 'is not what its record says';
  }

  /** Events under ids that only the log gives. */
  #checkStrangers(): void {
    let after = '';
    for (;;) {
      const rows = this.#connection.all<[string]>(EVENTS, after);
      for (const [id] of rows) {
        const [, name = '', sequence = ''] = /^([0-9a-f]{16})-([1-9]\d*)$/.exec(id) ?? [];
        if (name === '') continue;
        const chain = this.#byName.get(name);
        if (chain === undefined || Number(sequence) > chain.sequence) {
          this.#onFinding({
            text: `AuditEvent/${id} has no record: its record was cut off, or it was made up`,
          });
        }
      }
      const last = rows.at(-1);
      if (last === undefined) return;
      [after] = last;
    }
  }
}

function remember(chain: Chain): void {
  chain.recent.set(chain.sequence, chain.hash.toString('hex'));
  if (chain.recent.size <= RECENT) return;
  const [oldest] = chain.recent.keys();
  if (oldest !== undefined) chain.recent.delete(oldest);
}

function missingHead({ chain, sequence }: KnownHead): string {
  return `record ${sequence} of chain ${chain}, which a checkpoint of yours knows, is not there as it was`;
}

function openForWalk(file: string): Connection {
  const connection = Connection.open(file, 'reader');
  try {
    checkVersion(connection);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function chainRows(connection: Connection): (readonly [number, AuditChainFacts])[] {
  return connection
    .all<[number, string, number, string]>(CHAINS)
    .map(([number, name, started, site]) => [number, { name, started, site }]);
}

function endOf(connection: Connection): number {
  return connection.get<[number | null]>('SELECT max(place) FROM audit')?.[0] ?? 0;
}

function* rowsOf(connection: Connection, last: number): Generator<Row> {
  let after = 0;
  while (after < last) {
    const rows = connection.all<Row>(ROWS, after);
    for (const row of rows) if (row[0] <= last) yield row;
    after = rows.at(-1)?.[0] ?? last;
  }
}
