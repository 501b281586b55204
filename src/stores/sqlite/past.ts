/**
 * What the index can no longer say of a page sequence that began at an earlier position: which resources have changed
 * since, which others may match otherwise because of them, and which of all these matched then.
 *
 *   changed     the version of then is judged, in memory, as a match and for its place
 *   touched     unchanged, but a chain or `_has` leads to what changed: judged likewise, and left out of the index's rows
 *
 * A predicate is a tree of nodes, one for the searched type and one for each end of a chain or `_has`. Changes go in at
 * every node of their type and up from the ends:
 *
 *   Observation ◀── subject ── Patient ◀── organization ── Organization      a change of an organization's name touches
 *        └ touched by            └ touched by                 └ changed      the patients that refer to it, and their
 *                                                                            observations where that makes a difference
 *
 * A contained resource changes with its container and has no log of its own: where contained ones are searched, what the
 * changed containers contain, or did, is judged. Ends of chains that are contained are of the changed resource itself.
 *
 * Invariant: what was judged stays so, for the past does not change; only what changes later is looked at later.
 */
import { Refusal } from '../../fhir/outcome.js';
import { CONTAINS, chainEnds, idsContainedIn, isContainedType } from '../../fhir/search/contained.js';
import { matches } from '../../fhir/search/match.js';
import type { Predicate, SearchQuery } from '../../fhir/search/query.js';
import { type AccessFilter, visible } from '../../ports/access-filter.js';
import type { Position } from '../../ports/backend.js';
import { type Indexer, Moment, type Standing } from './moment.js';
import type { Order } from './search/order.js';
import type { Place } from './search/page-key.js';
import type { LeftOut } from './search/run.js';
import { keysOf } from './search/sort-key.js';
import type { View } from './view.js';

/** Resources parsed, and versions looked through, before others have their turn. */
const PARSED_AT_ONCE = 200;
const SCANNED_AT_ONCE = 2_000;

/** Versions of a type after a position, with the position of the resource's first version. */
const CHANGES = `SELECT v.position, v.rid, f.position FROM version v
  CROSS JOIN version f ON f.rid = v.rid AND f.version = 1
  WHERE v.type = ? AND v.position > ? ORDER BY v.position LIMIT ?`;
const REFERRERS = 'SELECT rid FROM key_index WHERE param = ? AND value = ? LIMIT ?';

/** A sequence, as far as it tells what its matches are and where they stand. */
export interface Sequence {
  readonly query: SearchQuery;
  readonly access: AccessFilter;
  readonly asOf: Position;
  readonly order: Order;
}

export interface PastParts {
  readonly view: View;
  readonly indexer: Indexer;
  readonly primaryDates: ReadonlyMap<string, string>;
  /** So many resources may be judged for one sequence. */
  readonly limit: number;
}

/** A match of then. */
export interface PastPlace extends Place {
  readonly rid: number;
  /** Of its version of then. */
  readonly position: Position;
}

interface Node {
  readonly type: string;
  readonly where: Predicate;
  /** Inside of the access filter, which is evaluated on all that is there. */
  readonly trusting: boolean;
  readonly role:
    | { readonly kind: 'searched'; readonly part: number }
    /** The end of a chain or `_has`, and whose criterion that is. */
    | { readonly kind: 'chain' | 'has'; readonly param: string; readonly of: Node };
  /** Rids to be looked at. */
  readonly waiting: Set<number>;
}

/** The nodes of a type, and up to where its changes were taken in. */
interface TypeChanges {
  readonly type: string;
  readonly nodes: Node[];
  upTo: Position;
}

export class Past {
  readonly #parts: PastParts;
  readonly #sequence: Sequence;
  /** Ends before those whose criteria they are. */
  readonly #nodes: readonly Node[];
  readonly #types = new Map<string, TypeChanges>();
  /** Of changed sources of a `_has`: whom they referred to, by type of source and rid of target. */
  readonly #former = new Map<string, Set<number>>();
  readonly #unregistered = new Set<number>();
  readonly #judged = new Map<number, PastPlace | undefined>();
  readonly #touched = new Set<number>();
  #lookedAt = 0;

  constructor(parts: PastParts, sequence: Sequence) {
    this.#parts = parts;
    this.#sequence = sequence;
    const nodes: Node[] = [];
    for (const [part, { type, where }] of sequence.query.parts.entries())
      addNode(nodes, sequence.access, { type, where, trusting: false, role: { kind: 'searched', part } });
    this.#nodes = nodes.reverse();
    for (const node of nodes) {
      if (!isContainedType(node.type)) this.#follow(node.type, node);
      else if (node.role.kind === 'searched') for (const type of this.#containers()) this.#follow(type, node);
    }
  }

  #follow(type: string, node: Node): void {
    const changes = this.#types.get(type);
    if (changes !== undefined) changes.nodes.push(node);
    else this.#types.set(type, { type, nodes: [node], upTo: this.#sequence.asOf });
  }

  /** Types that contain something; one that began to after this contained no match of then. */
  #containers(): readonly string[] {
    const { catalogue } = this.#parts.view;
    return catalogue.resourceTypes().filter((type) => catalogue.param(type, CONTAINS) !== undefined);
  }

  /**
   * Takes in what has changed up to the moment of the snapshot that this is called in; false = there is more, which
   * another turn goes on with. Throws Refusal('cursor-invalid') past the limit.
   */
  catchUp(): boolean {
    const then = this.#then();
    return this.#scan() && this.#register(then) && this.#look(then);
  }

  /** What the index must leave out, once all is taken in. */
  get leftOut(): LeftOut {
    return { changedAfter: this.#sequence.asOf, rids: [...this.#touched] };
  }

  get order(): Order {
    return this.#sequence.order;
  }

  isJudged(rid: number): boolean {
    return this.#judged.has(rid);
  }

  /** Those that were judged and matched, in no order. */
  *places(): Iterable<PastPlace> {
    for (const place of this.#judged.values()) if (place !== undefined) yield place;
  }

  /** A resource as it was. */
  standing(rid: number): Standing | undefined {
    return this.#then().standing(rid);
  }

  #then(): Moment {
    const former = (type: string, target: number) => this.#former.get(`${type} ${target}`) ?? [];
    return new Moment(this.#parts.view, this.#parts.indexer, { asOf: this.#sequence.asOf, former });
  }

  #scan(): boolean {
    let left = SCANNED_AT_ONCE;
    const { view } = this.#parts;
    for (const changes of this.#types.values()) {
      const typeId = view.catalogue.type(changes.type);
      if (typeId === undefined || changes.upTo >= view.position) continue;
      const rows = view.connection.all<[position: number, rid: number, first: number]>(
        CHANGES,
        typeId,
        changes.upTo,
        left,
      );
      for (const [, rid, first] of rows) this.#takeIn(rid, first <= this.#sequence.asOf, changes.nodes);
      left -= rows.length;
      changes.upTo = left > 0 ? view.position : (rows.at(-1)?.[0] ?? changes.upTo);
      if (left <= 0) return false;
    }
    return true;
  }

  /** What was not there then is no match of then, but may be the end of a chain now. */
  #takeIn(rid: number, wasThere: boolean, nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (node.role.kind === 'searched' && !wasThere) continue;
      if (isContainedType(node.type))
        for (const one of this.#contained(rid, node.type)) this.#wait(node, one);
      else this.#wait(node, rid);
      if (node.role.kind === 'has' && wasThere) this.#unregistered.add(rid);
    }
  }

  /** All that a resource ever contained. */
  #contained(rid: number, type: string): readonly number[] {
    const { catalogue } = this.#parts.view;
    const container = catalogue.identity(rid);
    return container === undefined ? [] : catalogue.rids(type, ...idsContainedIn(container));
  }

  #wait(node: Node, rid: number): void {
    if (node.role.kind === 'searched' && this.#judged.has(rid)) return;
    node.waiting.add(rid);
    if (this.#lookedAt + node.waiting.size > this.#parts.limit) {
      throw new Refusal(
        'cursor-invalid',
        'The store has changed too much since the first page: start again at its first page.',
      );
    }
  }

  /** Before anything is judged: who referred to whom. */
  #register(then: Moment): boolean {
    for (const rid of this.#unregistered) {
      if (then.reads > PARSED_AT_ONCE) return false;
      this.#unregistered.delete(rid);
      const source = then.standing(rid);
      if (source === undefined) continue;
      for (const { type, id } of targetsOf(source)) {
        const target = this.#parts.view.catalogue.rid(type, id);
        const key = `${source.identity.type} ${target}`;
        const sources = this.#former.get(key);
        if (sources !== undefined) sources.add(rid);
        else this.#former.set(key, new Set([rid]));
      }
    }
    return true;
  }

  #look(then: Moment): boolean {
    const now = new Moment(this.#parts.view, this.#parts.indexer);
    for (const node of this.#nodes) {
      for (const rid of node.waiting) {
        if (then.reads + now.reads > PARSED_AT_ONCE) return false;
        node.waiting.delete(rid);
        this.#lookedAt++;
        if (node.role.kind === 'searched') this.#judge(node, node.role.part, rid, then);
        else this.#touchThrough(node, node.role, rid, then, now);
      }
    }
    return true;
  }

  #judge(node: Node, part: number, rid: number, then: Moment): void {
    const was = then.standing(rid);
    if (was === undefined || !this.#passes(node, was, then)) {
      this.#judged.set(rid, undefined);
      return;
    }
    const { order } = this.#sequence;
    const keys = keysOf(order, was, this.#parts.primaryDates.get(node.type));
    this.#judged.set(rid, { part, keys, rid, position: was.position });
  }

  /** Whom the change of an end concerns. */
  #touchThrough(
    node: Node,
    role: Exclude<Node['role'], { kind: 'searched' }>,
    rid: number,
    then: Moment,
    now: Moment,
  ): void {
    const [was, is] = [then.standing(rid), now.standing(rid)];
    const concerned =
      role.kind === 'has'
        ? this.#targets([was, is], role)
        : this.#passes(node, was, then) === this.#passes(node, is, now)
          ? []
          : this.#referrers(rid, role);
    for (const one of concerned) {
      this.#wait(role.of, one);
      if (role.of.role.kind === 'searched' && !this.#judged.has(one)) this.#touched.add(one);
    }
  }

  #targets(
    sources: readonly (Standing | undefined)[],
    { param, of }: { readonly param: string; readonly of: Node },
  ): readonly number[] {
    return sources
      .flatMap((source) => (source === undefined ? [] : targetsOf(source, param)))
      .filter(({ type }) => type === of.type)
      .map(({ type, id }) => this.#parts.view.catalogue.rid(type, id))
      .filter((target) => target !== undefined);
  }

  #referrers(
    rid: number,
    { param: code, of }: { readonly param: string; readonly of: Node },
  ): readonly number[] {
    const { limit, view } = this.#parts;
    const { catalogue, connection } = view;
    const param = catalogue.param(of.type, code);
    if (param === undefined) return [];
    return connection.column<number>(REFERRERS, param.id, rid, limit + 1);
  }

  #passes({ where, trusting }: Node, standing: Standing | undefined, moment: Moment): boolean {
    if (standing === undefined) return false;
    const { values, identity } = standing;
    if (trusting) return matches(values, identity, where, moment.everything);
    const { access } = this.#sequence;
    return moment.isVisible(standing, access) && matches(values, identity, where, moment.seenThrough(access));
  }
}

/** Adds a node, and behind it those of the ends that its predicate and the access filter lead to. */
function addNode(nodes: Node[], access: AccessFilter, made: Omit<Node, 'waiting'>): void {
  const node: Node = { ...made, waiting: new Set() };
  nodes.push(node);
  const addEnds = (where: Predicate, trusting: boolean): void => {
    switch (where.op) {
      case 'and':
      case 'or':
        for (const one of where.of) addEnds(one, trusting);
        return;
      case 'not':
        addEnds(where.of, trusting);
        return;
      case 'chain':
        for (const { type, where: end } of chainEnds(where))
          addNode(nodes, access, {
            type,
            where: end,
            trusting,
            role: { kind: 'chain', param: where.param, of: node },
          });
        return;
      case 'has': {
        const { type, where: end } = where.source;
        const role = { kind: 'has', param: where.param, of: node } as const;
        addNode(nodes, access, { type, where: end, trusting, role });
        return;
      }
      default:
    }
  };
  addEnds(node.where, node.trusting);
  // What leads to a contained resource is its container, which is judged itself.
  const isSeenWithContainer = isContainedType(node.type) && node.role.kind === 'chain';
  if (!node.trusting && !isSeenWithContainer) addEnds(visible(access, node.type), true);
}

/** Whom a resource refers to, by one parameter or by any. */
function targetsOf(
  { values }: Standing,
  param?: string,
): readonly { readonly type: string; readonly id: string }[] {
  return values.flatMap((value) =>
    value.kind === 'reference' && value.target.kind === 'local' && (param ?? value.param) === value.param
      ? [value.target]
      : [],
  );
}
