/**
 * Searches through the port: bounded on this thread first; what is too much for it goes to a reader process.
 *
 * Invariant: a page's matches, and where they come from this thread their includes, are of one moment.
 */
import type { Predicate } from '../../fhir/search/query.js';
import { hasTest } from '../../fhir/search/tree.js';
import type { AccessFilter } from '../../ports/access-filter.js';
import type {
  MaybePromise,
  Position,
  SearchPage,
  SearchRequest,
  StoredResource,
} from '../../ports/backend.js';
import type { CustomParameters } from './custom-parameters.js';
import type { FullTextFollower } from './full-text-follower.js';
import type { ReaderPool } from './reader-pool.js';
import type { ReaderFound } from './reader-process.js';
import { collectIncludes } from './search/includes.js';
import { type Limits, OverLimit, Scope, UNBOUNDED } from './search/scope.js';
import { runSearch, type SearchFound, type SearchJob } from './search/search.js';
import type { View } from './view.js';

const AT_POSITION = `SELECT r.type, r.id, v.version, v.last_updated, v.bytes
  FROM version v JOIN resource r ON r.rid = v.rid WHERE v.position = ? AND v.bytes IS NOT NULL`;
/** Resolving has no deadline of its own. */
const RESOLVE_MILLISECONDS = 30_000;

interface Found {
  readonly rid: number;
  readonly resource: StoredResource;
}

export class Searches {
  readonly #view: View;
  readonly #readers: ReaderPool;
  readonly #parameters: CustomParameters;
  readonly #limits: Limits;
  readonly #fullText: FullTextFollower;

  constructor(
    view: View,
    readers: ReaderPool,
    parameters: CustomParameters,
    limits: Limits,
    fullText: FullTextFollower,
  ) {
    this.#fullText = fullText;
    this.#limits = limits;
    this.#view = view;
    this.#readers = readers;
    this.#parameters = parameters;
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
    const here = this.#view.snapshot(() => this.#pageHere(request));
    if (here !== undefined) return here;
    return this.#readers
      .run(jobOf(request, this.#view.position), request.deadline)
      .then((found) => this.#pageOf(request, found));
  }

  ids(type: string, where: Predicate, access: AccessFilter, limit: number): MaybePromise<readonly string[]> {
    const job: SearchJob = {
      query: { parts: [{ type, where }], sort: [] },
      access,
      count: limit,
      total: 'none',
    };
    const found = this.#view.snapshot(() => this.#find(job)?.rids.map((rid) => this.#idOf(rid)));
    if (found !== undefined) return found;
    return this.#readers
      .run(job, RESOLVE_MILLISECONDS)
      .then(({ matches }) => matches.map(([rid]) => this.#idOf(rid)));
  }

  #pageHere(request: SearchRequest): SearchPage | undefined {
    const found = this.#find(jobOf(request, this.#view.position));
    if (found === undefined) return undefined;
    const matches = this.#currents(found.rids);
    return this.#assembled(request, matches, found, this.#view.position);
  }

  #pageOf(request: SearchRequest, found: ReaderFound): SearchPage {
    return this.#view.snapshot(() => {
      const matches = found.matches
        .map(([rid, position]) => this.#at(rid, position))
        .filter((one) => one !== undefined);
      return this.#assembled(request, matches, found, found.position);
    });
  }

  #assembled(
    request: SearchRequest,
    matches: readonly Found[],
    { next, total }: Pick<SearchFound, 'next' | 'total'>,
    position: Position,
  ): SearchPage {
    const scope = this.#scope(request.access, UNBOUNDED);
    const nodes = matches.map(({ rid, resource }) => ({ rid, type: resource.type }));
    const { rids, truncated } =
      request.includes.length === 0
        ? { rids: [], truncated: false }
        : collectIncludes(scope, this.#parameters.latest.definitions, nodes, request.includes);
    return {
      matches: matches.map(({ resource }) => resource),
      included: this.#currents(rids).map(({ resource }) => resource),
      includesTruncated: truncated,
      ...(total === undefined ? {} : { total }),
      ...(next === undefined ? {} : { next }),
      asOf: request.asOf ?? position,
    };
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
    return new Scope(connection, catalogue, this.#parameters.latest.definitions.primaryDates, access, limits);
  }

  /** In the order of the rids, without those that have no current version. */
  #currents(rids: readonly number[]): readonly Found[] {
    const resources = this.#view.currents(rids);
    return rids.flatMap((rid) => {
      const resource = resources.get(rid);
      return resource === undefined ? [] : [{ rid, resource }];
    });
  }

  #at(rid: number, position: Position): Found | undefined {
    const row = this.#view.connection.get<[number, string, number, number, Buffer]>(AT_POSITION, position);
    if (row === undefined) return undefined;
    const [typeId, id, version, lastUpdated, bytes] = row;
    const type = this.#view.catalogue.typeName(typeId);
    return { rid, resource: { type, id, versionId: String(version), lastUpdated, position, bytes } };
  }

  #idOf(rid: number): string {
    return this.#view.connection.get<[string]>('SELECT id FROM resource WHERE rid = ?', rid)?.[0] ?? '';
  }
}

function jobOf({ query, access, count, total, asOf, after }: SearchRequest, position: Position): SearchJob {
  return {
    query,
    access,
    count,
    total,
    ...(after === undefined ? {} : { after }),
    // While the store has not moved there is nothing to leave out.
    ...(asOf === undefined || asOf >= position ? {} : { asOf }),
  };
}
