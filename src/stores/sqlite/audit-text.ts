/**
 * Records of the audit log as text: what is stored, hashed, and read again.
 *
 * A page of records is one line of JSON, column by column, which the engine writes in one call. What is alike in most records
 * (deeds, holders, networks) stands in tables once, and columns say which row is whose.
 *
 * Invariant: lines stand for themselves, so those of several pages may be put one behind the other.
 */
import { isNumber, isObject, type JsonObject, type JsonValue, numberOf } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { AUDIT_OUTCOMES, type AuditOutcome, type AuditRecord } from '../../ports/audit-log.js';

/** Characters of a record or a table's row beside its texts, about. */
const BESIDE = 20;

type Cell = string | number | null;

/** What few records have, or all: there are no cells before the first that is known. */
class Column<T> {
  /** Undefined where nothing is known. */
  cells: (T | null)[] | undefined;

  /** `at`: how many were added before. */
  add(at: number, value: T | undefined): void {
    if (this.cells === undefined) {
      if (value === undefined) return;
      this.cells = Array.from({ length: at }, () => null);
    }
    this.cells.push(value ?? null);
  }
}

/** Records that become one line. */
export class RecordPage {
  #characters = 0;
  #first = 0;
  readonly #times: number[] = [];
  readonly #requests: string[] = [];
  readonly #ids = new Column<string>();
  readonly #queries = new Column<string>();
  readonly #patients = new Column<string>();
  readonly #more = new Column<boolean>();
  readonly #networkOf = new Column<number>();
  readonly #deedOf: number[] = [];
  readonly #holderOf: number[] = [];
  readonly #deeds: AuditRecord[] = [];
  readonly #holders: AuditRecord[] = [];
  /** Where a principal's row stands. */
  readonly #rows = new Map<string, number>();
  readonly #networks = new Map<string, number>();

  /** Of records. */
  get count(): number {
    return this.#times.length;
  }

  /** That its line will have, about. */
  get characters(): number {
    return this.#characters;
  }

  add(record: AuditRecord): void {
    const { time, requestId, id, query, patients, morePatients } = record;
    const whose = patients === undefined || patients.length === 0 ? undefined : between(patients);
    const at = this.count;
    if (at === 0) this.#first = time;
    this.#times.push(at === 0 ? time : time - this.#first);
    this.#requests.push(requestId);
    this.#ids.add(at, id);
    this.#queries.add(at, query);
    this.#patients.add(at, whose);
    this.#more.add(at, morePatients);
    this.#networkOf.add(at, this.#network(record));
    this.#deedOf.push(this.#deed(record));
    this.#holderOf.push(this.#holder(record));
    this.#characters += BESIDE + requestId.length + lengthOf(id) + lengthOf(query) + lengthOf(whose);
  }

  /** What is not known is null, and a column in which nothing is known is left out. */
  line(): string {
    return JSON.stringify({
      // The first, and the differences to it: milliseconds.
      t: this.#times,
      r: this.#requests,
      d: this.#ids.cells,
      q: this.#queries.cells,
      w: this.#patients.cells,
      m: this.#more.cells,
      n: this.#networkOf.cells,
      a: this.#deedOf,
      b: this.#holderOf,
      deeds: this.#deeds.map(deedCells),
      holders: this.#holders.map(holderCells),
      networks: [...this.#networks.keys()],
    });
  }

  #network({ network }: AuditRecord): number | undefined {
    if (network === undefined) return undefined;
    const known = this.#networks.get(network);
    if (known !== undefined) return known;
    this.#characters += BESIDE + network.length;
    this.#networks.set(network, this.#networks.size);
    return this.#networks.size - 1;
  }

  /** There are few kinds of things that are done, and what came last comes next. */
  #deed(record: AuditRecord): number {
    for (let at = this.#deeds.length - 1; at >= 0; at--) {
      const known = this.#deeds[at];
      if (known !== undefined && isSameDeed(known, record)) return at;
    }
    this.#characters += BESIDE + lengthOfAll(deedCells(record));
    return this.#deeds.push(record) - 1;
  }

  #holder(record: AuditRecord): number {
    const at = this.#rows.get(record.principal);
    const known = at === undefined ? undefined : this.#holders[at];
    if (at !== undefined && known !== undefined && isSameHolder(known, record)) return at;
    this.#characters += BESIDE + lengthOfAll(holderCells(record));
    this.#rows.set(record.principal, this.#holders.length);
    return this.#holders.push(record) - 1;
  }
}

const deedCells = ({ status, interaction, type, outcome }: AuditRecord): readonly Cell[] => [
  status ?? null,
  interaction,
  type ?? null,
  outcome,
];

const holderCells = ({ principal, client, user, scope, emergency }: AuditRecord): readonly Cell[] => [
  principal,
  client ?? null,
  user ?? null,
  scope ?? null,
  emergency ?? null,
];

function isSameDeed(left: AuditRecord, right: AuditRecord): boolean {
  return (
    left.interaction === right.interaction &&
    left.type === right.type &&
    left.status === right.status &&
    left.outcome === right.outcome
  );
}

/** Of the same principal. */
function isSameHolder(left: AuditRecord, right: AuditRecord): boolean {
  return (
    left.client === right.client &&
    left.user === right.user &&
    left.scope === right.scope &&
    left.emergency === right.emergency
  );
}

/** Ids have no blanks. */
function between(ids: readonly string[]): string {
  const [only = ''] = ids;
  return ids.length === 1 ? only : ids.join(' ');
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? 0 : text.length;
}

function lengthOfAll(cells: readonly Cell[]): number {
  return cells.reduce<number>((sum, cell) => sum + (typeof cell === 'string' ? cell.length : 0), 0);
}

/** What stands in a batch is not what this server writes. */
export class UnreadableRecords extends Error {
  override readonly name = 'UnreadableRecords';
}

/** The records of a batch; `lines`: as they stand in its cell, with line breaks between them. Throws UnreadableRecords. */
export function recordsOf(lines: string | Uint8Array): readonly AuditRecord[] {
  if (typeof lines !== 'string') throw new UnreadableRecords('a batch is no text');
  return lines === '' ? [] : lines.split('\n').flatMap(recordsOfLine);
}

function recordsOfLine(line: string): readonly AuditRecord[] {
  const tree = treeOf(line);
  return Array.isArray(tree.t) ? recordsOfPage(tree, tree.t) : [recordAlone(tree)];
}

function treeOf(line: string): JsonObject {
  try {
    const tree = parseJson(line);
    if (isObject(tree)) return tree;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
  }
  throw new UnreadableRecords('a line is no object of JSON');
}

function recordsOfPage(tree: JsonObject, times: readonly JsonValue[]): readonly AuditRecord[] {
  const { length } = times;
  const [ids, queries, patients, more] = ['d', 'q', 'w', 'm'].map((name) =>
    tree[name] === undefined ? [] : columnOf(tree, name, length),
  );
  const requests = columnOf(tree, 'r', length);
  const deeds = rowsOf(tree, 'deeds', columnOf(tree, 'a', length));
  const holders = rowsOf(tree, 'holders', columnOf(tree, 'b', length));
  const networks = tree.n === undefined ? [] : networksOf(tree, columnOf(tree, 'n', length));
  const first = numberAt(times[0]);
  return times.map((time, at) => {
    const [status, interaction, type, outcome] = deeds[at] ?? [];
    const [principal, client, user, scope, emergency] = holders[at] ?? [];
    return {
      time: timeAt(at === 0 ? first : (first ?? Number.NaN) + (numberAt(time) ?? Number.NaN)),
      requestId: textAt(requests[at]) ?? '',
      interaction: textAt(interaction) ?? '',
      outcome: outcomeAt(outcome),
      status: numberAt(status),
      principal: textAt(principal) ?? '',
      client: textAt(client),
      user: textAt(user),
      scope: textAt(scope),
      emergency: textAt(emergency),
      network: networks[at],
      type: textAt(type),
      id: textAt(ids?.[at]),
      query: textAt(queries?.[at]),
      patients: textAt(patients?.[at])?.split(' '),
      morePatients: more?.[at] === true ? true : undefined,
    };
  });
}

function columnOf(tree: JsonObject, name: string, length: number): readonly JsonValue[] {
  const column = tree[name];
  if (Array.isArray(column) && column.length === length) return column;
  throw new UnreadableRecords('a column has not as many cells as there are records');
}

/** For each record its row of a table. */
function rowsOf(tree: JsonObject, table: string, places: readonly JsonValue[]): readonly JsonValue[][] {
  const rows = tree[table];
  return places.map((place) => {
    const row = Array.isArray(rows) ? rows[numberAt(place) ?? -1] : undefined;
    if (Array.isArray(row)) return row;
    throw new UnreadableRecords('a record tells of a row that is not there');
  });
}

/** For each record where it was asked from, as far as that is known. */
function networksOf({ networks }: JsonObject, places: readonly JsonValue[]): readonly (string | undefined)[] {
  return places.map((place) => {
    if (place === null) return undefined;
    const network = Array.isArray(networks) ? networks[numberAt(place) ?? -1] : undefined;
    if (typeof network === 'string') return network;
    throw new UnreadableRecords('a record tells of a network that is not there');
  });
}

/** Logs that were begun by earlier versions have a line of its own for each record. */
function recordAlone(tree: JsonObject): AuditRecord {
  return {
    time: timeAt(numberAt(tree.t)),
    requestId: textAt(tree.r) ?? '',
    interaction: textAt(tree.i) ?? '',
    outcome: outcomeAt(tree.o),
    status: numberAt(tree.h),
    principal: textAt(tree.p) ?? '',
    client: textAt(tree.c),
    user: textAt(tree.u),
    scope: textAt(tree.s),
    emergency: textAt(tree.e),
    network: textAt(tree.n),
    type: textAt(tree.y),
    id: textAt(tree.d),
    query: textAt(tree.q),
    patients: textAt(tree.w)?.split(' '),
    morePatients: tree.m === true ? true : undefined,
  };
}

/** https://tc39.es/ecma262/#sec-time-values-and-time-range */
const LAST_TIME = 8.64e15;

function timeAt(time: number | undefined): number {
  if (time !== undefined && Number.isInteger(time) && Math.abs(time) <= LAST_TIME) return time;
  throw new UnreadableRecords('a record has no time');
}

function outcomeAt(value: JsonValue | undefined): AuditOutcome {
  const outcome = AUDIT_OUTCOMES.find((one) => one === value);
  if (outcome !== undefined) return outcome;
  throw new UnreadableRecords('a record has no outcome that there is');
}

function textAt(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberAt(value: JsonValue | undefined): number | undefined {
  return isNumber(value) ? numberOf(value) : undefined;
}
