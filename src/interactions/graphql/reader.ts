/**
 * What one GraphQL request reads: through the port, with the access filter, each resource once.
 *
 * Invariant: what may not be seen is as absent, and counts against the limits like everything that is asked for.
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';
import type { SearchPair } from '../../fhir/search/parse-search.js';
import type { PageKey, Position, ResourceKey, SearchPage, StoredResource } from '../../ports/backend.js';
import type { Context } from '../context.js';
import { openCursor, sealCursor } from '../cursor.js';
import { permit } from '../permit.js';
import { parseStored } from '../projected.js';
import { resolveQuery } from '../resolve-query.js';
import { readJudge } from './fhirpath.js';
import { Budget } from './limits.js';
import { parsePairs, type SearchPlan } from './search-plan.js';

/** Where a connection goes on; `after` is absent for its first page. */
interface Place {
  readonly now: number;
  readonly asOf: Position;
  readonly after?: PageKey;
  readonly offset: number;
}

export class Reader {
  readonly budget: Budget;
  readonly #known = new Map<string, Promise<ResourceObject | undefined>>();
  /** Trees that came from the store, and not out of others. */
  readonly #stored = new WeakMap<JsonObject, ResourceKey>();

  constructor(private readonly context: Context) {
    this.budget = new Budget(context);
  }

  /** Undefined for what never was, was deleted or may not be seen. */
  read(key: ResourceKey, version?: string): Promise<ResourceObject | undefined> {
    const name = `${key.type}/${key.id}/${version ?? ''}`;
    const known = this.#known.get(name) ?? this.#read(key, version);
    this.#known.set(name, known);
    return known;
  }

  async #read(key: ResourceKey, version: string | undefined): Promise<ResourceObject | undefined> {
    this.budget.read();
    const { backend, access } = this.context;
    const result = await (version === undefined
      ? backend.read(key, access.read)
      : backend.vread(key, version, access.read));
    return result.kind === 'found' ? this.tree(result.resource) : undefined;
  }

  tree(resource: StoredResource): ResourceObject {
    this.budget.bytes(resource.bytes.length);
    const tree = parseStored(resource.bytes);
    this.#stored.set(tree, { type: resource.type, id: resource.id });
    return tree;
  }

  /** The identity of a resource that stands for itself; a contained one has none. */
  keyOf(object: JsonObject): ResourceKey | undefined {
    return this.#stored.get(object);
  }

  /** All matches, or as many as were asked for. */
  async list(plan: SearchPlan, focus: ResourceKey | undefined): Promise<readonly ResourceObject[]> {
    const { settings, clock } = this.context;
    const pairs = pairsOf(plan, focus);
    const wanted = plan.count ?? Number.POSITIVE_INFINITY;
    const all: readonly SearchPair[] =
      plan.count === undefined ? [...pairs, ['_count', String(settings.maxCount)]] : pairs;
    const page = await this.#page(plan.type, all, { now: clock.now(), total: 'none' });
    if (page.next !== undefined && page.matches.length < wanted) {
      const text = `There are more than the ${settings.maxCount} resources that a list gives: narrow the search, say a smaller _count, or take pages by ${plan.type}Connection.`;
      throw new Refusal('invalid-parameter', [{ severity: 'error', code: 'too-long', text }]);
    }
    return this.#judged(plan, page);
  }

  /** A page, as the object that a selection on a connection stands on. */
  async connection(plan: SearchPlan, focus: ResourceKey | undefined): Promise<JsonObject> {
    const path = `/$graphql/${plan.type}`;
    const own = applied(plan, pairsOf(plan, focus));
    const cursor =
      plan.cursor === undefined
        ? undefined
        : openCursor<Place>('graphql-cursor', path, [['_cursor', plan.cursor], ...own], this.context);
    const pairs = cursor?.applied ?? own;
    const fhirpath = pairs.find(([name]) => name === FHIRPATH)?.[1];
    const search = pairs.filter(([name]) => name !== FHIRPATH);
    const now = cursor?.place.now ?? this.context.clock.now();
    const { count } = parsePairs(plan.type, search, now, this.context);
    const offset = cursor?.place.offset ?? 0;
    const page = await this.#page(plan.type, search, {
      ...cursor?.place,
      now,
      total: plan.wantsTotal ? 'accurate' : 'none',
    });
    const seal = (place: Place): string =>
      sealCursor('graphql-cursor', { path, applied: pairs }, place, this.context);
    const start = { now, asOf: page.asOf };
    const { definitions } = this.context.knowledge;
    const judge = fhirpath === undefined ? undefined : readJudge(fhirpath, definitions);
    const matches = this.#judged(
      typeof judge === 'function' ? { type: plan.type, judge } : { type: plan.type },
      page,
    );
    return {
      ...(page.total === undefined ? {} : { count: page.total }),
      offset,
      pagesize: count,
      first: seal({ ...start, offset: 0 }),
      ...(page.next === undefined
        ? {}
        : { next: seal({ ...start, after: page.next, offset: offset + count }) }),
      edges: matches.map((resource) => ({ mode: 'match', resource })),
    };
  }

  async #page(
    type: string,
    pairs: readonly SearchPair[],
    at: Partial<Place> & { readonly now: number; readonly total: 'none' | 'accurate' },
  ): Promise<SearchPage> {
    const { backend, access } = this.context;
    permit(this.context, type, 'search');
    const { query, count } = parsePairs(type, pairs, at.now, this.context);
    this.budget.search();
    const page = await backend.search({
      query: await resolveQuery(query, this.context),
      access: access.search,
      count,
      total: at.total,
      includes: [],
      ...(at.asOf === undefined ? {} : { asOf: at.asOf }),
      ...(at.after === undefined ? {} : { after: at.after }),
      deadline: this.budget.timeLeft(),
    });
    this.budget.resources(page.matches.length);
    return page;
  }

  #judged(
    { type, judge }: Pick<SearchPlan, 'type' | 'judge'>,
    { matches }: SearchPage,
  ): readonly ResourceObject[] {
    const trees = matches.map((resource) => this.tree(resource));
    return judge === undefined ? trees : trees.filter((tree) => judge(tree, type));
  }
}

const FHIRPATH = 'fhirpath';

/** What a cursor goes on with. */
function applied({ fhirpath }: SearchPlan, pairs: readonly SearchPair[]): readonly SearchPair[] {
  return fhirpath === undefined ? pairs : [...pairs, [FHIRPATH, fhirpath]];
}

function pairsOf({ pairs, reference }: SearchPlan, focus: ResourceKey | undefined): readonly SearchPair[] {
  return reference === undefined || focus === undefined
    ? pairs
    : [...pairs, [reference, `${focus.type}/${focus.id}`]];
}
