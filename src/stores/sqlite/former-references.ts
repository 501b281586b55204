/**
 * Who referred to whom at a position: sources that have changed since, and may no longer refer to what they referred to
 * then. `_has` asks for the sources of a reference, and the index knows those of now.
 *
 * Invariant: with what the index says now, `of` hands out at least all that referred to the target then, once `catchUp` said
 * true in the same snapshot.
 */
import type { Predicate } from '../../fhir/search/query.js';
import type { Position } from '../../ports/backend.js';
import { type FormerReferrers, type Indexer, Moment } from './moment.js';
import type { View } from './view.js';

/** Versions after a position of resources that were there at it. */
const CHANGED = `SELECT v.position, v.rid FROM version v INDEXED BY version_type
  CROSS JOIN version f ON f.rid = v.rid AND f.version = 1
  WHERE v.type = ? AND v.position > ? AND f.position <= ? ORDER BY v.position LIMIT ?`;
/** Read before others have their turn. */
const AT_ONCE = 200;

export class FormerReferences {
  readonly #view: View;
  readonly #indexer: Indexer;
  readonly #asOf: Position;
  /** Types of sources, each with how far its changes were taken in. */
  readonly #upTo = new Map<string, Position>();
  readonly #seen = new Set<number>();
  /** By type of source and rid of target. */
  readonly #sources = new Map<string, Set<number>>();

  /** `trees`: all predicates that will be evaluated. */
  constructor(view: View, indexer: Indexer, asOf: Position, trees: readonly Predicate[]) {
    this.#view = view;
    this.#indexer = indexer;
    this.#asOf = asOf;
    for (const tree of trees) this.#addSources(tree);
  }

  readonly of: FormerReferrers = (type, target) => this.#sources.get(`${type} ${target}`) ?? [];

  /** Takes in what has changed up to now; false: there is more. */
  catchUp(): boolean {
    for (const [type, upTo] of this.#upTo) {
      const { connection, catalogue, position } = this.#view;
      const typeId = catalogue.type(type);
      if (typeId === undefined || upTo >= position) continue;
      const rows = connection.all<[number, number]>(CHANGED, typeId, upTo, this.#asOf, AT_ONCE);
      for (const [, rid] of rows) this.#takeIn(rid, type);
      const isAll = rows.length < AT_ONCE;
      this.#upTo.set(type, isAll ? position : (rows.at(-1)?.[0] ?? position));
      if (!isAll) return false;
    }
    return true;
  }

  #takeIn(rid: number, type: string): void {
    if (this.#seen.has(rid)) return;
    this.#seen.add(rid);
    const then = new Moment(this.#view, this.#indexer, { asOf: this.#asOf, former: this.of });
    for (const value of then.standing(rid)?.values ?? []) {
      if (value.kind !== 'reference' || value.target.kind !== 'local') continue;
      const target = this.#view.catalogue.rid(value.target.type, value.target.id);
      if (target === undefined) continue;
      const key = `${type} ${target}`;
      const sources = this.#sources.get(key);
      if (sources === undefined) this.#sources.set(key, new Set([rid]));
      else sources.add(rid);
    }
  }

  #addSources(tree: Predicate): void {
    switch (tree.op) {
      case 'and':
      case 'or':
        for (const inner of tree.of) this.#addSources(inner);
        return;
      case 'not':
        this.#addSources(tree.of);
        return;
      case 'chain':
        for (const { where } of tree.targets) this.#addSources(where);
        return;
      case 'has':
        this.#upTo.set(tree.source.type, this.#asOf);
        this.#addSources(tree.source.where);
        return;
      default:
    }
  }
}
