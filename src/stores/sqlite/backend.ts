/**
 * The Backend port on one SQLite file: point reads and bounded searches on this thread, long searches in reader
 * processes, commits in the writer thread.
 *
 * Invariant: a commit that resolved is seen by every read that begins after it, in this process and in others.
 */
import type { Definitions } from '../../fhir/definitions/definitions.js';
import type { Predicate } from '../../fhir/search/query.js';
import type { AccessFilter } from '../../ports/access-filter.js';
import type {
  Backend,
  BackendCapabilities,
  Change,
  Commit,
  CommitResult,
  DistinctValue,
  HistoryPage,
  HistoryRequest,
  MaybePromise,
  Position,
  RangesRequest,
  ReadResult,
  ResourceKey,
  ScanRange,
  ScanRequest,
  ScanStep,
  SearchExplanation,
  SearchPage,
  SearchRequest,
} from '../../ports/backend.js';
import { changesSince, countsByType } from './commit-log.js';
import type { CustomParameters } from './custom-parameters.js';
import { distinctValues } from './distinct-values.js';
import type { FullTextFollower } from './full-text-follower.js';
import { History } from './history.js';
import type { ParameterWalker } from './parameter-walker.js';
import { PointReads } from './point-reads.js';
import type { ReaderPool } from './reader-pool.js';
import { Scans } from './scans.js';
import { INCLUDE_LIMIT } from './search/includes.js';
import { Prober } from './search/prober.js';
import type { Limits } from './search/scope.js';
import { Searches } from './searches.js';
import type { View } from './view.js';
import { Visibility } from './visibility.js';
import type { Writer } from './writer.js';

export interface BackendParts {
  readonly view: View;
  readonly writer: Writer;
  readonly readers: ReaderPool;
  readonly fullText: FullTextFollower;
  /** Of FHIR alone. */
  readonly definitions: Definitions;
  readonly parameters: CustomParameters;
  readonly walker: ParameterWalker;
  /** Of searches on this thread. */
  readonly limits: Limits;
}

export class SqliteBackend implements Backend {
  readonly capabilities: BackendCapabilities = {
    types: 'all',
    transactions: true,
    pushed: 'all',
    includeLimit: INCLUDE_LIMIT,
  };
  readonly #parts: BackendParts;
  readonly #pointReads: PointReads;
  readonly #history: History;
  readonly #searches: Searches;
  readonly #scans: Scans;

  constructor(parts: BackendParts) {
    const { view, definitions, parameters } = parts;
    const prober = new Prober(view.connection, view.catalogue, definitions.primaryDates);
    const visibility = new Visibility(view, prober, (resource) => parameters.latest.index(resource));
    this.#parts = parts;
    this.#pointReads = new PointReads(view, visibility);
    this.#history = new History(view, visibility);
    this.#searches = new Searches({ ...parts, visibility });
    this.#scans = new Scans(view, (resource) => parameters.latest.index(resource));
  }

  position(): Position {
    const { view } = this.#parts;
    view.refresh();
    return view.position;
  }

  read(key: ResourceKey, access: AccessFilter): ReadResult {
    return this.#pointReads.read(key, access);
  }

  vread(key: ResourceKey, versionId: string, access: AccessFilter): ReadResult {
    return this.#pointReads.vread(key, versionId, access);
  }

  history(request: HistoryRequest): HistoryPage {
    return this.#history.page(request);
  }

  search(request: SearchRequest): MaybePromise<SearchPage> {
    return this.#searches.page(request);
  }

  explain(request: SearchRequest): Promise<SearchExplanation> {
    return this.#searches.explain(request);
  }

  resolve(
    type: string,
    where: Predicate,
    access: AccessFilter,
    limit: number,
  ): MaybePromise<readonly string[]> {
    return this.#searches.ids(type, where, access, limit);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const { writer, view, walker } = this.#parts;
    const result = await writer.commit(commit);
    view.expire(); // who hears of this commit finds it
    if (commit.writes.some(({ type }) => type === 'SearchParameter')) walker.wake();
    return result;
  }

  changes(since: Position, limit: number): readonly Change[] {
    return changesSince(this.#parts.view, since, limit);
  }

  scan(request: ScanRequest): AsyncIterable<ScanStep> {
    return this.#scans.steps(request);
  }

  ranges(request: RangesRequest): readonly ScanRange[] {
    return this.#scans.ranges(request);
  }

  values(type: string, param: string, limit: number): readonly DistinctValue[] {
    return distinctValues(this.#parts.view, type, param, limit);
  }

  counts(): ReadonlyMap<string, number> {
    return countsByType(this.#parts.view);
  }

  async close(): Promise<void> {
    const { view, writer, readers, walker } = this.#parts;
    readers.close();
    await walker.stop();
    await writer.close();
    view.connection.close();
  }
}
