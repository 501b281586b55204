/**
 * Whether one resource meets a predicate, by going along what it refers to. Access filters say the same of a hundred types and
 * of every label that there may be (access/consents.ts); of one resource little of that is left to look up: what it says
 * nothing of is decided, and its chains go to the few resources that it names.
 *
 * Invariant: holds exactly where the whole predicate does (probe.ts), for a scope that sees everything.
 */
import { CONTAINER, isContainedType } from '../../../fhir/search/contained.js';
import { CONSENT_OF } from '../../../fhir/search/index-value.js';
import type { Predicate } from '../../../fhir/search/query.js';
import { allOf, anyOf, EVERYTHING, NOTHING, noneOf } from '../../../fhir/search/tree.js';
import { isNever } from './chain-probe.js';
import { entryOf, entryPath } from './entry-test.js';
import { raw, sql } from './fragment.js';
import { probe } from './probe.js';
import type { Scope } from './scope.js';
import { isWordsParam } from './words-test.js';

const CONSENTS = 'SELECT DISTINCT rid FROM key_index WHERE param = ? AND value = ?';
/** More are not gone to one by one. */
const FEW = 30;
const ROW = { rid: raw('r.rid'), date: raw('r.sort_date') };

interface Referred {
  readonly rid: number;
  readonly type: string;
}

/** `rid` is that of a resource that is there. */
export function meets(scope: Scope, rid: number, type: string, where: Predicate): boolean {
  const open = new One(scope, rid, type).open(where);
  if (open.op === 'everything' || open.op === 'nothing') return open.op === 'everything';
  const asking = sql`SELECT 1 FROM resource r WHERE r.rid = ${rid} AND r.live = 1 AND ${probe(scope, type, open, ROW)}`;
  return scope.connection.get(asking.text, ...asking.values) !== undefined;
}

/** What is left to look up of predicates on one resource. */
class One {
  readonly #scope: Scope;
  readonly #rid: number;
  readonly #type: string;
  /** Parameters that the resource has values of. */
  readonly #params: ReadonlySet<number>;
  readonly #referred = new Map<number, readonly Referred[] | undefined>();
  #consents: readonly number[] | undefined;

  constructor(scope: Scope, rid: number, type: string) {
    this.#scope = scope;
    this.#rid = rid;
    this.#type = type;
    const asking = sql`SELECT key FROM json_each(${entryOf(sql`${rid}`)})`;
    const rows = scope.connection.all<[string]>(asking.text, ...asking.values);
    this.#params = new Set(rows.map(([key]) => Number(key)));
  }

  open(where: Predicate): Predicate {
    switch (where.op) {
      case 'and':
        return this.#all(where.of);
      case 'or':
        return this.#any(where.of);
      case 'not':
        return noneOf(this.open(where.of));
      case 'absent':
        return this.#has(where.param) === undefined ? EVERYTHING : NOTHING;
      case 'value':
        return isWordsParam(where.param, this.#type) || this.#has(where.param) !== undefined
          ? where
          : NOTHING;
      case 'chain':
        return this.#chain(where);
      case 'has':
        return where.param === CONSENT_OF ? this.#hasConsent(where.source.where) : where;
      default:
        return where;
    }
  }

  /** What is decided first decides the rest. */
  #all(of: readonly Predicate[]): Predicate {
    const open: Predicate[] = [];
    for (const one of of) {
      const left = this.open(one);
      if (left.op === 'nothing') return NOTHING;
      open.push(left);
    }
    return allOf(open);
  }

  #any(of: readonly Predicate[]): Predicate {
    const open: Predicate[] = [];
    for (const one of of) {
      const left = this.open(one);
      if (left.op === 'everything') return EVERYTHING;
      open.push(left);
    }
    return anyOf(open);
  }

  #chain(where: Predicate & { readonly op: 'chain' }): Predicate {
    if (where.param === CONTAINER) return where;
    const param = this.#has(where.param);
    if (param === undefined) return NOTHING;
    const referred = this.#referredBy(param);
    if (referred === undefined) return where;
    const leads = referred.some(({ rid, type }) =>
      where.targets.some((target) => target.type === type && meets(this.#scope, rid, type, target.where)),
    );
    return leads ? EVERYTHING : NOTHING;
  }

  /** A patient has a handful of Consents. */
  #hasConsent(where: Predicate): Predicate {
    const param = this.#scope.param('Consent', CONSENT_OF);
    if (param === undefined || isNever(this.#scope, { type: 'Consent', where })) return NOTHING;
    this.#consents ??= this.#scope.connection.column<number>(CONSENTS, param.id, this.#rid);
    return this.#consents.some((rid) => meets(this.#scope, rid, 'Consent', where)) ? EVERYTHING : NOTHING;
  }

  /** The parameter's integer; undefined where the resource has no value of it. */
  #has(code: string): number | undefined {
    const id = this.#scope.param(this.#type, code)?.id;
    return id !== undefined && this.#params.has(id) ? id : undefined;
  }

  /** Undefined: they are many, or not all of them stand for themselves. */
  #referredBy(param: number): readonly Referred[] | undefined {
    if (this.#referred.has(param)) return this.#referred.get(param);
    const { connection, catalogue } = this.#scope;
    const asking = sql`SELECT DISTINCT target.rid, target.type
      FROM json_each(${entryOf(sql`${this.#rid}`)}, ${entryPath(param)}) reference
      CROSS JOIN resource target ON target.rid = reference.value WHERE target.live = 1 LIMIT ${FEW + 1}`;
    const rows = connection.all<[number, number]>(asking.text, ...asking.values);
    const found = rows.map(([rid, type]) => ({ rid, type: catalogue.typeName(type) }));
    const referred =
      found.length > FEW || found.some(({ type }) => isContainedType(type)) ? undefined : found;
    this.#referred.set(param, referred);
    return referred;
  }
}
