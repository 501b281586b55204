/**
 * Sets that a query knows by name (a value set, a part of a code system, a hierarchy of resources) become their members,
 * so that backends are asked for plain values only.
 * https://hl7.org/fhir/R4/search.html#modifiers
 *
 * Invariant: whatever parses a search and asks a backend comes through here; a set that is not loaded is refused by
 * name. What the caller may not read adds nothing to any set. Sets are as they are when the question is asked, so a
 * further page has those of its own moment.
 */
import { assert } from '../base/assert.js';
import { Refusal } from '../fhir/outcome.js';
import { resourceTypeOf } from '../fhir/search/contained.js';
import { tokenSet } from '../fhir/search/parameters/token.js';
import type { NamedSet, Predicate, QueryPart, SearchQuery } from '../fhir/search/query.js';
import { allOf, anyOf, hasNamedSet, NOTHING, noneOf } from '../fhir/search/tree.js';
import type { SystemCodes } from '../fhir/terminology/value-set.js';
import type { Context } from './context.js';
import { idsOfHierarchy } from './hierarchy.js';

/** Members of all sets of one query: each is sent as often as it stands there. */
const MAX_MEMBERS = 500_000;

export async function resolveQuery(query: SearchQuery, context: Context): Promise<SearchQuery> {
  if (!query.parts.some(({ where }) => hasNamedSet(where))) return query;
  return { ...query, parts: await new Resolving(context).parts(query.parts) };
}

export type ResolvePredicate = (type: string, where: Predicate) => Promise<Predicate>;

/** The same for predicates on one type each, such as the criteria of one plan: each set is looked up once for all. */
export function predicateResolver(context: Context): ResolvePredicate {
  const resolving = new Resolving(context);
  return (type, where) => resolving.predicate(type, where);
}

class Resolving {
  /** Each set is looked up once, however many types are searched by it. */
  readonly #codes = new Map<string, Promise<readonly SystemCodes[]>>();
  readonly #ids = new Map<string, Promise<readonly string[]>>();
  /** Shared subtrees stay shared: stores look at each once. */
  readonly #done = new Map<string, Map<Predicate, Predicate>>();
  #members = 0;

  constructor(private readonly context: Context) {}

  async parts(parts: readonly QueryPart[]): Promise<readonly QueryPart[]> {
    const resolved: QueryPart[] = [];
    for (const { type, where } of parts) resolved.push({ type, where: await this.predicate(type, where) });
    return resolved;
  }

  async predicate(type: string, where: Predicate): Promise<Predicate> {
    if (!hasNamedSet(where)) return where;
    const done = this.#done.get(type) ?? new Map<Predicate, Predicate>();
    this.#done.set(type, done);
    const resolved = done.get(where) ?? (await this.#resolved(type, where));
    done.set(where, resolved);
    return resolved;
  }

  async #resolved(type: string, where: Predicate): Promise<Predicate> {
    switch (where.op) {
      case 'and':
        return allOf(await this.#all(type, where.of));
      case 'or':
        return anyOf(await this.#all(type, where.of));
      case 'not':
        return noneOf(await this.predicate(type, where.of));
      case 'chain':
        return { ...where, targets: await this.parts(where.targets) };
      case 'has': {
        const { source } = where;
        return { ...where, source: { ...source, where: await this.predicate(source.type, source.where) } };
      }
      case 'named-set':
        return this.#setOf(type, where.param, where.set);
      default:
        return where;
    }
  }

  async #all(type: string, of: readonly Predicate[]): Promise<readonly Predicate[]> {
    const resolved: Predicate[] = [];
    for (const one of of) resolved.push(await this.predicate(type, one));
    return resolved;
  }

  async #setOf(type: string, param: string, set: NamedSet): Promise<Predicate> {
    if (set.kind === 'hierarchy') {
      const ids = await once(this.#ids, set, () => idsOfHierarchy(set, this.context));
      this.#count(ids.length);
      return { op: 'value', param, test: { kind: 'reference-set', type: set.type, ids } };
    }
    const parameter = this.context.knowledge.definitions.searchParameters
      .get(resourceTypeOf(type))
      ?.get(param);
    assert(parameter !== undefined, `${type} has no parameter ${param}, on which a set was named`);
    const test = tokenSet(parameter, await once(this.#codes, set, () => this.#codesOf(set)));
    if (test === undefined) return NOTHING;
    this.#count(test.members.reduce((sum, { codes }) => sum + codes.length, 0));
    return { op: 'value', param, test };
  }

  async #codesOf(set: Exclude<NamedSet, { kind: 'hierarchy' }>): Promise<readonly SystemCodes[]> {
    const { terminology, access } = this.context;
    if (set.kind === 'value-set') return terminology.expand(set.valueSet, access.read);
    return [await terminology[set.direction](set.system, set.code, access.read)];
  }

  #count(members: number): void {
    this.#members += members;
    if (this.#members <= MAX_MEMBERS) return;
    const text = `The search asks for more than ${MAX_MEMBERS} codes and references: search fewer types, or by smaller sets.`;
    throw new Refusal('invalid-parameter', [{ severity: 'error', code: 'too-costly', text }]);
  }
}

function once<T>(known: Map<string, Promise<T>>, set: NamedSet, find: () => Promise<T>): Promise<T> {
  const key = Object.values(set).join('\n');
  const found = known.get(key) ?? find();
  known.set(key, found);
  return found;
}
