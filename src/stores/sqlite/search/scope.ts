/**
 * What the compiling of one query works with: the connection's names, the access filter that holds for every type
 * that the query touches, and how far it may look before it is too much for this thread.
 */
import { type Memberships, NO_MEMBERSHIPS, notImplied } from '../../../fhir/search/memberships.js';
import type { Predicate, ValueTest } from '../../../fhir/search/query.js';
import { type AccessFilter, visible } from '../../../ports/access-filter.js';
import type { Position } from '../../../ports/backend.js';
import type { Catalogue, Param } from '../catalogue.js';
import type { Connection } from '../connection.js';
import { fullTextPosition } from '../full-text.js';
import { PRESENT } from '../index-rows.js';
import { PAIR_CODES } from '../pair-key.js';
import type { PairsOfHas } from './chain-probe.js';
import type { KeySet } from './key-set.js';

const LAST_TERM = 'SELECT max(id) FROM term';
const PRESENCE = 'SELECT 1 FROM key_index WHERE param = ? AND value = ? LIMIT 1';

/** A parameter, and its code. */
type PrimaryDate = Param & { readonly code: string };

export interface Limits {
  /** Rows of a driving index that may be walked; Infinity in a reader process. */
  readonly candidates: number;
  /** Resources that a chain or `_has` may lead to and still be listed. */
  readonly listed: number;
  /** Keys of the index that are read each by itself, a page of each, rather than merged. */
  readonly apart: number;
  /** Of keys that are merged: so many are read first, as long as they do not have more rows than that. */
  readonly near: { readonly keys: number; readonly rows: number };
  /** Rows that are collected and sorted rather than read in order. */
  readonly collected: number;
  /** Resources that may be judged as they were for one page sequence; past it the client is asked to start anew. */
  readonly judged: number;
}

const EITHER = { apart: 4, near: { keys: 8, rows: 512 }, collected: 512, judged: 20_000 };

/** On the main thread: some ten milliseconds at worst. */
export const BOUNDED: Limits = { ...EITHER, candidates: 2_000, listed: 200 };
export const UNBOUNDED: Limits = { ...EITHER, candidates: Number.POSITIVE_INFINITY, listed: 2_000 };

export class Scope {
  /** Chains and `_has` that were found to lead to few resources, by their predicate; undefined = to many. */
  readonly listings = new Map<Predicate, KeySet | undefined>();
  /** What `_has` asks for by patient and code, by the predicate. */
  readonly pairs = new Map<Predicate, PairsOfHas | undefined>();
  /** The integers that tests on keys ask for, by their test. */
  readonly keySets = new Map<ValueTest, KeySet>();
  /** Numbers of matches that planning came to know, by the type and the whole predicate. */
  readonly exactSizes = new Map<string, Map<Predicate, number>>();
  /** Predicates of the access filter, which stand in the tree beside the query's own. */
  readonly #filters = new Set<Predicate>();
  /** Parameters that this store has no value of: access filters ask for the same ones many times. */
  readonly #unknown = new Set<string>();
  readonly #presence = new Map<number, boolean>();
  readonly #primary = new Map<string, { readonly date: PrimaryDate | undefined }>();
  /** Integers of identities: a filter and a query ask for the same patient's several times. */
  #rids = new Map<string, number | undefined>();
  #trusting: Scope | undefined;
  #arePairsExact: boolean | undefined;
  #fullTextPosition: Position | undefined;
  #isFullTextBehind: boolean | undefined;
  #aliases = 0;

  constructor(
    readonly connection: Connection,
    readonly catalogue: Catalogue,
    readonly primaryDates: ReadonlyMap<string, string>,
    readonly access: AccessFilter,
    readonly limits: Limits,
    readonly memberships: Memberships = NO_MEMBERSHIPS,
  ) {}

  /** A predicate on a type together with what may be seen of the type, as far as it does not follow from the predicate. */
  seen(type: string, where: Predicate): Predicate {
    if (this.access.kind === 'unrestricted') return where;
    const of = notImplied(visible(this.access, type), type, where, this.memberships);
    if (of.length === 0) return where;
    const filter: Predicate = { op: 'and', of };
    this.#filters.add(filter);
    return { op: 'and', of: [where, filter] };
  }

  /**
   * The scope in which a predicate is evaluated. The filter says what may be seen; its own chains are not seen through
   * it, or it would have to be known before it is known.
   */
  scopeOf(predicate: Predicate): Scope {
    if (!this.#filters.has(predicate)) return this;
    this.#trusting ??= this.#unrestricted();
    return this.#trusting;
  }

  #unrestricted(): Scope {
    const access: AccessFilter = { kind: 'unrestricted', reason: 'evaluating the access filter itself' };
    const scope = new Scope(this.connection, this.catalogue, this.primaryDates, access, this.limits);
    scope.alias = () => this.alias();
    scope.#rids = this.#rids;
    return scope;
  }

  rid(type: string, id: string): number | undefined {
    const key = `${type}/${id}`;
    if (!this.#rids.has(key)) this.#rids.set(key, this.catalogue.rid(type, id));
    return this.#rids.get(key);
  }

  param(type: string, code: string): Param | undefined {
    const key = `${type} ${code}`;
    if (this.#unknown.has(key)) return undefined;
    const param = this.catalogue.param(type, code);
    if (param === undefined) this.#unknown.add(key);
    return param;
  }

  /**
   * Whether that a resource has values of a parameter is a key of the index (PRESENT). All values of a parameter are ranges or
   * none is, and whoever writes a range writes the key: so one key says that there is one for each resource. Where there is none,
   * `index_entry` answers.
   */
  isPresenceKept({ id }: Param): boolean {
    let kept = this.#presence.get(id);
    if (kept === undefined) {
      kept = this.connection.get(PRESENCE, id, PRESENT) !== undefined;
      this.#presence.set(id, kept);
    }
    return kept;
  }

  /** The primary date of a type as a parameter, where resources have one value of it: then it is the sort date. */
  primaryDate(type: string): PrimaryDate | undefined {
    let known = this.#primary.get(type);
    if (known === undefined) {
      known = { date: this.#primaryDate(type) };
      this.#primary.set(type, known);
    }
    return known.date;
  }

  #primaryDate(type: string): PrimaryDate | undefined {
    const code = this.primaryDates.get(type);
    const param = code === undefined ? undefined : this.param(type, code);
    if (code === undefined || param === undefined || param.repeats) return undefined;
    return { id: param.id, maxSpan: param.maxSpan, repeats: false, isFollowed: param.isFollowed, code };
  }

  /** Keys of pairs (pair-key.ts) hold the whole integer of a code as long as no code has a longer one. */
  get arePairsExact(): boolean {
    this.#arePairsExact ??= (this.connection.get<[number | null]>(LAST_TERM)?.[0] ?? 0) < PAIR_CODES;
    return this.#arePairsExact;
  }

  /** What was changed after it is not in the full-text index. */
  get fullTextPosition(): Position {
    this.#fullTextPosition ??= fullTextPosition(this.connection);
    return this.#fullTextPosition;
  }

  /** Something was changed that is not in the full-text index. */
  get isFullTextBehind(): boolean {
    this.#isFullTextBehind ??= this.#lastPosition() > this.fullTextPosition;
    return this.#isFullTextBehind;
  }

  #lastPosition(): Position {
    return this.connection.get<[Position | null]>('SELECT max(position) FROM version')?.[0] ?? 0;
  }

  get isBounded(): boolean {
    return this.limits.candidates !== Number.POSITIVE_INFINITY;
  }

  /** A name for a table that no other part of the statement uses. */
  alias: () => string = () => `x${this.#aliases++}`;
}

/** Thrown where a query turns out to be too much for the limits of its scope. */
export class OverLimit extends Error {
  override readonly name = 'OverLimit';
}
