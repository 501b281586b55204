/**
 * Questions about resources inside a transaction or a snapshot: which match, may this one be seen.
 *
 * Invariant: answers completely, however long it takes; only for questions that must be answered where they are asked.
 */

import type { Predicate } from '../../../fhir/search/query.js';
import { type AccessFilter, visible } from '../../../ports/access-filter.js';
import { Catalogue } from '../catalogue.js';
import type { Connection } from '../connection.js';
import { meets } from './meets.js';
import { FROM_THE_START, NATURAL } from './order.js';
import { runPart } from './run.js';
import { Scope, UNBOUNDED } from './scope.js';

/** The filter says what may be seen; its own chains are not seen through it, see Scope.scopeOf. */
const EVALUATING_ACCESS: AccessFilter = {
  kind: 'unrestricted',
  reason: 'evaluating the access filter itself',
};

export class Prober {
  readonly #connection: Connection;
  readonly #primaryDates: ReadonlyMap<string, string>;
  #catalogue: Catalogue;

  constructor(connection: Connection, catalogue: Catalogue, primaryDates: ReadonlyMap<string, string>) {
    this.#connection = connection;
    this.#catalogue = catalogue;
    this.#primaryDates = primaryDates;
  }

  /** Names may have been added, or undone. */
  forget(): void {
    this.#catalogue = new Catalogue(this.#connection);
  }

  /** Ids of the first matches. */
  ids(type: string, where: Predicate, access: AccessFilter, limit: number): readonly string[] {
    const scope = this.#scope(access);
    const found = runPart(scope, {
      type,
      where: scope.seen(type, where),
      order: NATURAL,
      reading: FROM_THE_START,
      limit,
    });
    return found.map((keys) => {
      const [id = ''] =
        this.#connection.get<[string]>('SELECT id FROM resource WHERE rid = ?', keys.at(-1) ?? null) ?? [];
      return id;
    });
  }

  /** Whether the access filter lets the current version under a rid be seen. */
  passes(rid: number, type: string, access: AccessFilter): boolean {
    return meets(this.#scope(EVALUATING_ACCESS), rid, type, visible(access, type));
  }

  #scope(access: AccessFilter): Scope {
    return new Scope(this.#connection, this.#catalogue, this.#primaryDates, access, UNBOUNDED);
  }
}
