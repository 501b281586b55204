/**
 * Searches through the port: bounded on this thread first; what is too much for it goes to a reader process.
 *
 * Invariant: a page's matches are as of the position at which its sequence began; what it includes is of now.
 */
import type { Definitions } from '../../fhir/definitions/definitions.js';
import { Refusal } from '../../fhir/outcome.js';
import { type Memberships, membershipsOf } from '../../fhir/search/memberships.js';
import type { Predicate } from '../../fhir/search/query.js';
import { hasTest } from '../../fhir/search/tree.js';
import type { AccessFilter } from '../../ports/access-filter.js';
import type {
  MaybePromise,
  Position,
  SearchExplanation,
  SearchPage,
  SearchRequest,
  StoredResource,
} from '../../ports/backend.js';
import type { CustomParameters } from './custom-parameters.js';
import type { FullTextFollower } from './full-text-follower.js';
import type { Past } from './past.js';
import { Pasts } from './pasts.js';
import type { ReaderPool } from './reader-pool.js';
import type { ReaderFound, VersionPlace } from './reader-process.js';
import { explainPart } from './search/explain.js';
import { collectIncludes } from './search/includes.js';
import { orderOf } from './search/order.js';
import { pageOf } from './search/page.js';
import { type Place, readPageKey } from './search/page-key.js';
import { type Limits, OverLimit, Scope, UNBOUNDED } from './search/scope.js';
import { comparePlaces, type Edge, runSearch, type SearchFound, type SearchJob } from './search/search.js';
import type { View } from './view.js';
import type { Visibility } from './visibility.js';

/** A contained resource has the version of its container, so the identity is asked for by itself. */
const AT_POSITION = `SELECT r.type, r.id, v.version, v.last_updated, v.bytes
  FROM version v CROSS JOIN resource r ON r.rid = ? WHERE v.position = ? AND v.bytes IS NOT NULL`;
const NEWEST = `SELECT r.type, r.id, v.version, v.last_updated, v.bytes, r.live
  FROM resource r JOIN version v ON v.position = r.position WHERE r.rid = ?`;
/** Resolving has no deadline of its own. */
const RESOLVE_MILLISECONDS = 30_000;
/** Parts of a search on many types that are explained. */
const EXPLAINED = 16;

/** Includes may take so much of a turn of the event loop, and then a step. */
const TURN_MILLISECONDS = 5;
/** Included resources that are read in one step. */
const READ_PER_STEP = 100;

interface Found {
  readonly rid: number;
  readonly resource: StoredResource;
}

/** A request on its way; its deadline as a time of `performance.now`. */
interface Asked {
  readonly request: SearchRequest;
  readonly edge: Edge | undefined;
  readonly past: Past | undefined;
  readonly ends: number;
}

/** What the store is made of, as far as searches need it. */
export interface SearchParts {
  readonly view: View;
  readonly visibility: Visibility;
  readonly readers: ReaderPool;
  /** Of FHIR alone. */
  readonly definitions: Definitions;
  readonly parameters: CustomParameters;
  readonly fullText: FullTextFollower;
  readonly limits: Limits;
}

export class Searches {
  readonly #view: View;
  readonly #visibility: Visibility;
  readonly #readers: ReaderPool;
  readonly #parameters: CustomParameters;
  readonly #definitions: Definitions;
  readonly #limits: Limits;
  readonly #fullText: FullTextFollower;
  readonly #pasts: Pasts;
  /** Made when it is first needed: where all is open nobody asks. */
  #memberships: Memberships | undefined;

  constructor({ view, visibility, readers, definitions, parameters, fullText, limits }: SearchParts) {
    this.#fullText = fullText;
    this.#definitions = definitions;
    this.#limits = limits;
    this.#view = view;
    this.#visibility = visibility;
    this.#readers = readers;
    this.#parameters = parameters;
    this.#pasts = new Pasts({
      view,
      indexer: (resource) => parameters.latest.index(resource),
      primaryDates: definitions.primaryDates,
      limit: limits.judged,
    });
  }

  page(request: SearchRequest): MaybePromise<SearchPage> {
    const isByWords = request.query.parts.some(({ where }) => hasTest(where, 'words'));
    if (!isByWords || this.#fullText.isClose()) return this.#page(request);
    const started = performance.now();
    return this.#fullText.follow(request.deadline).then(() => {
      const deadline = request.deadline - (performance.now() - started);
      return this.#page({ ...request, deadline: Math.max(1, deadline) });
    });
  }

  #page(request: SearchRequest): MaybePromise<SearchPage> {
    const edge = edgeOf(request);
    const past = this.#pasts.of(request, edge, () =>
      orderOf(this.#scope(request.access, this.#limits), request.query),
    );
    const asked: Asked = { request, edge, past, ends: performance.now() + request.deadline };
    const here = this.#view.snapshot(() => this.#pageHere(asked));
    return typeof here === 'object' ? here : this.#pageLater(asked, here);
  }

  async explain(request: SearchRequest): Promise<SearchExplanation> {
    if (request.access.kind === 'restricted') {
      throw new Refusal(
        'forbidden',
        'How a search is executed tells of all that is stored: it is explained to those alone who may see all of it.',
      );
    }
    const { query, count } = request;
    const parts = this.#view.snapshot(() => {
      const scope = this.#scope(request.access, this.#limits);
      const order = orderOf(scope, query);
      return query.parts.slice(0, EXPLAINED).map((part) => explainPart(scope, part, order, count + 1));
    });
    const began = performance.now();
    const answer = this.page(request);
    const matches = await Promise.resolve(answer).then(({ matches: { length } }) => length, ifTooCostly);
    return {
      parts,
      unexplained: query.parts.length - parts.length,
      execution: {
        place: answer instanceof Promise ? 'apart' : 'bounded',
        milliseconds: performance.now() - began,
        ...(matches === undefined ? {} : { matches }),
      },
    };
  }

  ids(type: string, where: Predicate, access: AccessFilter, limit: number): MaybePromise<readonly string[]> {
    const job: SearchJob = {
      query: { parts: [{ type, where }], sort: [] },
      access,
      count: limit,
      total: 'none',
    };
    const idsOf = ({ places }: { readonly places: readonly Place[] }): readonly string[] =>
      places.slice(0, limit).map((place) => this.#idOf(ridOf(place)));
    const found = this.#view.snapshot(() => {
      const here = this.#find(job);
      return here === undefined ? undefined : idsOf(here);
    });
    return found ?? this.#readers.run(job, RESOLVE_MILLISECONDS).then(idsOf);
  }

  #pageHere(asked: Asked): MaybePromise<SearchPage> | Postponed {
    const { past, request } = asked;
    if (past?.catchUp() === false) return 'behind';
    const job = jobOf(asked);
    const found = this.#find(job);
    return found === undefined ? 'long' : this.#assembled(asked, found, request.asOf ?? this.#view.position);
  }

  async #pageLater(asked: Asked, postponed: Postponed): Promise<SearchPage> {
    let here: MaybePromise<SearchPage> | Postponed = postponed;
    while (here === 'behind') {
      await nextTurn(asked, TOO_MUCH_CHANGED);
      here = this.#view.snapshot(() => this.#pageHere(asked));
    }
    if (here !== 'long') return here;
    const found = await this.#readers.run(jobOf(asked), Math.max(1, asked.ends - performance.now()));
    for (;;) {
      const page = this.#view.snapshot(() => this.#pageOfReader(asked, found));
      if (page !== undefined) return page;
      await nextTurn(asked, TOO_MUCH_CHANGED);
    }
  }

  /** The reader saw another moment: what has changed meanwhile is judged here as all the rest. */
  #pageOfReader(asked: Asked, found: ReaderFound): MaybePromise<SearchPage> | undefined {
    if (asked.past?.catchUp() === false) return undefined;
    return this.#assembled(asked, found, asked.request.asOf ?? found.position);
  }

  #assembled(asked: Asked, found: SearchFound, asOf: Position): MaybePromise<SearchPage> {
    const { request, past } = asked;
    const { total, order } = found;
    const places: readonly VersionPlace[] = found.places;
    const { places: shown, ...links } = pageOf(
      { ...request, ...edgeIn(asked) },
      { order, places },
      past && {
        judged: this.#judgedPlaces(asked, past),
        isJudged: (place) => past.isJudged(ridOf(place)),
      },
    );
    const matches = this.#resources(shown);
    const page = ({ resources: included, truncated }: Included): SearchPage => ({
      matches: matches.map(({ resource }) => resource),
      included,
      includesTruncated: truncated,
      ...(total === undefined ? {} : { total }),
      ...links,
      asOf,
    });
    const included = this.#included(asked, matches);
    return included instanceof Promise ? included.then(page) : page(included);
  }

  /** As many of the matches of then as could be on the page, without those that may not be seen now. */
  #judgedPlaces({ request, edge }: Asked, past: Past): readonly VersionPlace[] {
    const { query } = request;
    const places = [...past.places()];
    const compare = comparePlaces({ query, ...edgeIn({ edge }) }, past.order);
    const from = edge === undefined ? undefined : readPageKey(edge.key, query).place;
    const beyond = (from === undefined ? places : places.filter((one) => compare(from, one) < 0)).sort(
      compare,
    );
    const seen: VersionPlace[] = [];
    for (const one of beyond) {
      if (seen.length > request.count) break;
      if (this.#maySeeNow(one.rid, request.access)) seen.push(one);
    }
    return seen;
  }

  /** Of a contained resource: whether its container may be seen, be it contained there still or not. */
  #maySeeNow(match: number, access: AccessFilter): boolean {
    if (access.kind === 'unrestricted') return true;
    const rid = this.#view.catalogue.container(match) ?? match;
    const row = this.#view.connection.get<[number, string, number, number, Buffer | null, number]>(
      NEWEST,
      rid,
    );
    if (row === undefined) return false;
    const [typeId, id, version, lastUpdated, bytes, live] = row;
    const type = this.#view.catalogue.typeName(typeId);
    const newest = { type, id, rid, version, lastUpdated, bytes, current: live === 1 };
    return this.#visibility.mayBeSeen(newest, access);
  }

  /** At once where that takes little time, else a little in each turn of the event loop. */
  #included(asked: Asked, matches: readonly Found[]): MaybePromise<Included> {
    const { request, past } = asked;
    if (request.includes.length === 0) return { resources: [], truncated: false };
    const nodes = matches.map(({ rid, resource: { type } }) => {
      const was = past?.isJudged(rid) === true ? past.standing(rid) : undefined;
      return { rid, type, ...(was === undefined ? {} : { values: was.values }) };
    });
    const steps = this.#includeSteps(request, nodes);
    const isLong = nodes.length > READ_PER_STEP; // its matches have taken their share of this turn
    return (isLong ? undefined : this.#someIncludes(steps)) ?? this.#includedLater(asked, steps);
  }

  /** What was changed after it was found is looked at again: it may have been hidden. */
  *#includeSteps(
    { access, includes }: SearchRequest,
    nodes: Parameters<typeof collectIncludes>[2],
  ): Generator<undefined, Included> {
    const began = this.#view.position;
    const scopeOfNow = (): Scope => this.#scope(access, UNBOUNDED);
    const { definitions } = this.#parameters.latest;
    const { rids, truncated } = yield* collectIncludes(scopeOfNow, definitions, nodes, includes);
    const resources: StoredResource[] = [];
    for (let at = 0; at < rids.length; at += READ_PER_STEP) {
      const some = rids.slice(at, at + READ_PER_STEP);
      const found = this.#view.currents(some);
      for (const rid of some) {
        const resource = found.get(rid);
        if (resource === undefined) continue;
        if (resource.position <= began || this.#maySeeNow(rid, access)) resources.push(resource);
      }
      yield;
    }
    return { resources, truncated };
  }

  async #includedLater(asked: Asked, steps: Generator<undefined, Included>): Promise<Included> {
    for (;;) {
      await nextTurn(asked, TOO_MUCH_INCLUDED);
      const included = this.#view.snapshot(() => this.#someIncludes(steps));
      if (included === undefined) continue;
      await nextTurn(asked, TOO_MUCH_INCLUDED); // the answer is made in a turn of its own
      return included;
    }
  }

  /** Undefined: there is more to do than one turn allows. */
  #someIncludes(steps: Generator<undefined, Included>): Included | undefined {
    const ends = performance.now() + TURN_MILLISECONDS;
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (performance.now() > ends) return undefined;
    }
  }

  /** Undefined: too much for this thread. */
  #find(job: SearchJob): SearchFound | undefined {
    try {
      return runSearch(this.#scope(job.access, this.#limits), job);
    } catch (error) {
      if (error instanceof OverLimit) return undefined;
      throw error;
    }
  }

  #scope(access: AccessFilter, limits: Limits): Scope {
    const { connection, catalogue } = this.#view;
    const { primaryDates } = this.#definitions;
    if (access.kind === 'unrestricted') return new Scope(connection, catalogue, primaryDates, access, limits);
    this.#memberships ??= membershipsOf(this.#definitions);
    return new Scope(connection, catalogue, primaryDates, access, limits, this.#memberships);
  }

  /** Those of a named version are of that version. */
  #resources(places: readonly VersionPlace[]): readonly Found[] {
    const rids = places.filter(({ position }) => position === undefined).map(ridOf);
    const currents = this.#view.currents(rids);
    const found: Found[] = [];
    for (const place of places) {
      const rid = ridOf(place);
      const { position } = place;
      const resource = position === undefined ? currents.get(rid) : this.#at(rid, position);
      if (resource !== undefined) found.push({ rid, resource });
    }
    return found;
  }

  #at(rid: number, position: Position): StoredResource | undefined {
    const row = this.#view.connection.get<[number, string, number, number, Buffer]>(
      AT_POSITION,
      rid,
      position,
    );
    if (row === undefined) return undefined;
    const [typeId, id, version, lastUpdated, bytes] = row;
    const type = this.#view.catalogue.typeName(typeId);
    return { type, id, versionId: String(version), lastUpdated, position, bytes };
  }

  #idOf(rid: number): string {
    return this.#view.connection.get<[string]>('SELECT id FROM resource WHERE rid = ?', rid)?.[0] ?? '';
  }
}

interface Included {
  readonly resources: readonly StoredResource[];
  readonly truncated: boolean;
}

/** Why a page is not answered at once: changes wait to be judged; the search is too long for this thread. */
type Postponed = 'behind' | 'long';

async function nextTurn({ ends }: Asked, tooLong: string): Promise<void> {
  await new Promise(setImmediate);
  if (performance.now() > ends) throw new Refusal('too-costly', tooLong);
}

const TOO_MUCH_CHANGED =
  'So much has changed since the first page that this one takes too long: start again at its first page.';
const TOO_MUCH_INCLUDED =
  'What the search includes takes longer to find than it may: include less, or ask for smaller pages with _count.';

/** A search that takes too long is the one whose explanation is wanted most. */
function ifTooCostly(error: unknown): undefined {
  if (error instanceof Refusal && error.kind === 'too-costly') return undefined;
  throw error;
}

function ridOf({ keys }: Place): number {
  return Number(keys.at(-1));
}

function edgeOf({ after, before }: SearchRequest): Edge | undefined {
  if (before !== undefined) return { key: before, backwards: true };
  return after === undefined ? undefined : { key: after, backwards: false };
}

function edgeIn({ edge }: Pick<Asked, 'edge'>): { readonly edge?: Edge } {
  return edge === undefined ? {} : { edge };
}

function jobOf(asked: Asked): SearchJob {
  const { query, access, count, total } = asked.request;
  const { past } = asked;
  return {
    query,
    access,
    count,
    total,
    ...edgeIn(asked),
    ...(past === undefined ? {} : { leftOut: past.leftOut }),
  };
}
