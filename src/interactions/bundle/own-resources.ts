/**
 * The resources that a transaction is about to store, looked through for what a conditional reference means.
 * https://hl7.org/fhir/R4/http.html#cond-refs
 *
 * Invariant: criteria that name a token — an identifier, as nearly all do — are looked up, so that many references to many
 * resources take linear time.
 */
import type { IndexValue } from '../../fhir/search/index-value.js';
import { matches } from '../../fhir/search/match.js';
import type { Predicate } from '../../fhir/search/query.js';
import type { Context } from '../context.js';
import type { Pace } from '../pace.js';
import { type Identities, isWritten } from './identities.js';

interface Own {
  readonly id: string;
  readonly values: readonly IndexValue[];
}

interface OwnType {
  readonly all: readonly Own[];
  readonly byToken: ReadonlyMap<string, readonly Own[]>;
}

export class OwnResources {
  readonly #types = new Map<string, OwnType>();

  constructor(
    private readonly identities: Identities,
    private readonly context: Context,
  ) {}

  /** Ids of at most two matches. */
  async matching(type: string, where: Predicate, pace: Pace): Promise<readonly string[]> {
    const known = this.#types.get(type) ?? (await this.#read(type, pace));
    this.#types.set(type, known);
    const token = namedToken(where);
    const candidates = token === undefined ? known.all : (known.byToken.get(token) ?? []);
    const lastUpdated = this.context.clock.now();
    const ids: string[] = [];
    for (const { id, values } of candidates) {
      if (matches(values, { type, id, lastUpdated }, where)) ids.push(id);
      if (ids.length === 2) break;
      if (pace.due()) await pace.rest();
    }
    return ids;
  }

  async #read(type: string, pace: Pace): Promise<OwnType> {
    const all: Own[] = [];
    const byToken = new Map<string, Own[]>();
    for (const [entry, identity] of this.identities) {
      if (entry.type !== type || !('resource' in entry) || !isWritten(identity)) continue;
      for (const id of identity.ids) {
        const own = { id, values: this.context.knowledge.index({ ...entry.resource, id }) };
        all.push(own);
        for (const key of new Set(own.values.flatMap(tokenKeys))) {
          const same = byToken.get(key);
          if (same === undefined) byToken.set(key, [own]);
          else same.push(own);
        }
      }
      if (pace.due()) await pace.rest();
    }
    return { all, byToken };
  }
}

/** A token that every match must have, system and code. */
function namedToken(where: Predicate): string | undefined {
  if (where.op === 'and') return where.of.map(namedToken).find((key) => key !== undefined);
  if (where.op !== 'value' || where.test.kind !== 'token') return undefined;
  const { system, code } = where.test;
  return system === undefined || code === undefined ? undefined : tokenKey(where.param, system, code);
}

function tokenKeys(value: IndexValue): readonly string[] {
  return value.kind === 'token' ? [tokenKey(value.param, value.system, value.code)] : [];
}

/** What one key stands for more than once is told apart by `matches`. */
function tokenKey(param: string, system: string, code: string): string {
  return `${param}\n${system}\n${code}`;
}
