/**
 * The one port through which resources are read and changed, whichever system holds them.
 *
 * Invariants
 * - Every method takes an access filter, and nothing that it refuses leaves the backend, not even as a count.
 * - `commit` is atomic and durable when it resolves; its conditions are checked inside the atomic section, and so is that
 *   the values of its resources follow the definitions of that moment.
 * - Every version has a position; positions rise with commits, `lastUpdated` never falls with position; a page
 *   sequence reads as of one position. What is purged is in no answer that begins later, whatever position it is of.
 */
import type { IndexValue } from '../fhir/search/index-value.js';
import type { Include, Predicate, SearchQuery } from '../fhir/search/query.js';
import type { AccessFilter, Permitted } from './access-filter.js';
import type { AuditRecord } from './audit-log.js';
import type { JobStep } from './jobs.js';

export type MaybePromise<T> = T | Promise<T>;

/** Opaque to callers but for order: later commits have greater positions. 0 is before all. */
export type Position = number;

export interface ResourceKey {
  readonly type: string;
  readonly id: string;
}

/** A version as it is stored; `bytes` is its canonical JSON in UTF-8, `meta` included, sent as it is. */
export interface StoredResource extends ResourceKey {
  readonly versionId: string;
  /** Milliseconds since 1970 UTC. */
  readonly lastUpdated: number;
  readonly position: Position;
  readonly bytes: Buffer;
}

export interface DeletedResource extends ResourceKey {
  readonly versionId: string;
  readonly lastUpdated: number;
  readonly position: Position;
}

export type ReadResult =
  | { readonly kind: 'found'; readonly resource: StoredResource }
  | { readonly kind: 'deleted'; readonly deleted: DeletedResource }
  /** Never existed, or may not be seen. */
  | { readonly kind: 'absent' };

/**
 * A resource ready to be stored: its JSON in two pieces between which the store splices `meta` at commit:
 * `{"resourceType":…,"id":…,"meta":{"versionId":…,"lastUpdated":…` + metaRest + `}` + rest
 * metaRest is '' or `,"tag":[…]…`; rest is `}` or `,"status":"final"…}`.
 */
export interface PreparedResource {
  readonly metaRest: string;
  readonly rest: string;
  readonly values: readonly IndexValue[];
  /** `CurrentDefinitions.at` of the definitions that the values follow. */
  readonly indexedAt: Position;
}

/** `absent`: there must be no current version (never existed or deleted). `any`: whatever is there. */
export type ExpectedVersion =
  | { readonly kind: 'any' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'version'; readonly versionId: string };

export type WriteMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * A purge takes a resource away with all of its versions, be it there or deleted, as if it had never been: positions before
 * it have not held it either, and a resource that is made under its id later begins at version 1.
 */
export type Write =
  | {
      readonly kind: 'put';
      readonly type: string;
      readonly id: string;
      readonly resource: PreparedResource;
      readonly expected: ExpectedVersion;
      readonly method: WriteMethod;
    }
  | {
      readonly kind: 'delete' | 'purge';
      readonly type: string;
      readonly id: string;
      readonly expected: ExpectedVersion;
    };

/**
 * What the caller saw when it resolved a condition (If-None-Exist, conditional reference …). The backend looks
 * again inside the atomic section and refuses the commit when the answer differs, so that the caller resolves anew.
 * `ids`: at most two are compared, in any order: none, exactly one, or several.
 */
export interface Condition {
  readonly type: string;
  readonly where: Predicate;
  /** Whose filter the answer was found through. */
  readonly by: 'read' | 'search';
  readonly ids: readonly string[];
}

export interface Commit {
  /**
   * What a write turns out to be is what it must be permitted to be: what makes a version where none was must pass `create`;
   * the version replaced and the one that replaces it `update`; what is deleted `delete`; what is purged, of whose old
   * versions any may be hidden, a `delete` that hides nothing of its type. Conditions are looked at through the filter that
   * they name.
   */
  readonly access: Permitted;
  readonly writes: readonly Write[];
  readonly conditions: readonly Condition[];
  /** Where the conditions were resolved; a store that has not moved since need not look again. */
  readonly resolvedAt: Position;
  /** What the audit log says of this commit: there when it is committed, and only then. */
  readonly audit?: readonly AuditRecord[];
  /** These are the audit events of the log's batches in (from, to]; a version conflict where others have followed it. */
  readonly follows?: { readonly from: number; readonly to: number };
  /** It belongs to a part of a job, and is made only while that part is its claim's. */
  readonly step?: JobStep;
}

export interface WriteOutcome extends ResourceKey {
  readonly versionId: string;
  readonly lastUpdated: number;
  readonly position: Position;
  /** No current version was there before. */
  readonly created: boolean;
  /** A delete of what is not there makes no version, a purge of what never was no commit: nothing changed. */
  readonly unchanged: boolean;
  /** What was stored (absent for deletes and purges). */
  readonly bytes?: Buffer;
}

export type CommitResult =
  | { readonly kind: 'committed'; readonly outcomes: readonly WriteOutcome[] }
  /** A condition's answer has changed: resolve again and try again. */
  | { readonly kind: 'condition-changed'; readonly condition: number }
  /** Another commit has changed the search parameters: index with the current ones and try again. */
  | { readonly kind: 'definitions-changed' }
  /**
   * A filter refuses the version that was there (`before`; `known`: the asker may read it) or the one made (`after`).
   * Nothing was written.
   */
  | { readonly kind: 'refused'; readonly write: number; readonly side: 'before'; readonly known: boolean }
  | { readonly kind: 'refused'; readonly write: number; readonly side: 'after' }
  /** A write did not find the version it expected; `current` is absent where none is there. */
  | { readonly kind: 'version-conflict'; readonly write: number; readonly current?: string }
  /** The part of the job that this is a step of is somebody else's, or its job has ended. Nothing was written. */
  | { readonly kind: 'lease-lost' };

export interface SearchRequest {
  readonly query: SearchQuery;
  readonly access: AccessFilter;
  /** Matches on a page; 0 asks for the total alone. */
  readonly count: number;
  /** `none`: only where it costs nothing. */
  readonly total: 'none' | 'estimate' | 'accurate';
  readonly includes: readonly Include[];
  /** Matches are read as they were then: the first page's `asOf`, on those that follow. Absent: as of now. */
  readonly asOf?: Position;
  /** A page's `next`: the page that begins behind it. */
  readonly after?: PageKey;
  /** A page's `previous`: the page that ends before it. Never together with `after`. */
  readonly before?: PageKey;
  /** Wall-clock milliseconds that the search may take; past it the backend throws Refusal('too-costly'). */
  readonly deadline: number;
}

/** Where a page begins or ends: plain JSON that only the backend understands. Callers seal it into a cursor. */
export type PageKey = readonly (string | number | null)[];

/**
 * The pages of a sequence hold each resource once that matched as of its position, in order, in the version of then,
 * whatever was written since: its own values, the ends of chains and `_has`, and the access filter are judged as of then.
 * What may not be seen now is left out nonetheless. Where too much has changed to judge it, the page is refused with
 * Refusal('cursor-invalid').
 */
export interface SearchPage {
  readonly matches: readonly StoredResource[];
  /** As they are now, without those that are matches; each once. */
  readonly included: readonly StoredResource[];
  /** The includes were cut off at the backend's limit. */
  readonly includesTruncated: boolean;
  /** Counted for first pages alone. */
  readonly total?: number;
  /** Absent on the last page. */
  readonly next?: PageKey;
  /** Absent on the first page. */
  readonly previous?: PageKey;
  readonly asOf: Position;
}

/** How a backend goes about a search: what there was to choose from, what it chose, what it took. */
export interface SearchExplanation {
  readonly parts: readonly PartExplanation[];
  /** Parts beyond the first few are executed and not explained. */
  readonly unexplained: number;
  readonly execution: {
    /** `bounded`: on the thread that serves others; `apart`: in a process of its own. */
    readonly place: 'bounded' | 'apart';
    readonly milliseconds: number;
    /** Matches on the page; absent where the search was too costly. */
    readonly matches?: number;
  };
}

export interface PartExplanation {
  readonly type: string;
  /** False: the backend knows beforehand that nothing matches. */
  readonly possible: boolean;
  /** The criteria that have an index, and how many rows of it were counted: `more` than those, or just those. */
  readonly ways: readonly WayExplanation[];
  /** The index that is read, and whether its rows come in the order asked for. */
  readonly chosen?: { readonly index: string; readonly sorted: boolean };
  /** What each of its rows is tested for. */
  readonly tested: readonly Predicate[];
  /** How the backend's engine describes its work, a line each. */
  readonly engine: readonly string[];
}

export interface WayExplanation {
  readonly criterion: Predicate;
  readonly index: string;
  readonly counted?: { readonly rows: number; readonly more: boolean };
}

export interface HistoryRequest {
  /** Instance (both), type (type only) or system (neither). */
  readonly type?: string;
  readonly id?: string;
  /** Of the system: a type that is passed over. */
  readonly without?: string;
  readonly access: AccessFilter;
  readonly count: number;
  /** Only versions committed at or after this time (milliseconds). */
  readonly since?: number;
  /** Only versions that were current at some time in [from, to] (milliseconds, inclusive). */
  readonly at?: { readonly from: number; readonly to: number };
  /** Only versions before this position: the last page's `next`. */
  readonly before?: Position;
}

export type HistoryEntry =
  | { readonly kind: 'version'; readonly method: WriteMethod; readonly resource: StoredResource }
  | { readonly kind: 'deleted'; readonly method: 'DELETE'; readonly deleted: DeletedResource };

export interface HistoryPage {
  /** Newest first. */
  readonly entries: readonly HistoryEntry[];
  readonly total?: number;
  readonly next?: Position;
}

/** A committed version, in order of position. */
export interface Change extends ResourceKey {
  readonly position: Position;
  readonly versionId: string;
  readonly lastUpdated: number;
  readonly method: WriteMethod;
}

/** The newest versions of a type as of a position, in order of position, by ranges of positions. */
export interface ScanRequest {
  readonly type: string;
  /** Versions made after `from`, up to and with `to`. */
  readonly from: Position;
  readonly to: Position;
  /** What was written after it has not happened. */
  readonly asOf: Position;
  /** Only versions committed after this time, before that one (milliseconds). */
  readonly since?: number;
  readonly until?: number;
  readonly access: AccessFilter;
  /** Criteria, judged as of the position. */
  readonly where: Predicate;
  /** Tell of deletions too: criteria that the version before must meet. */
  readonly deletions?: Predicate;
}

/** Some of them, in memory at once; there may be none in a step. */
export interface ScanStep {
  readonly resources: readonly StoredResource[];
  readonly deleted: readonly ResourceKey[];
}

export interface RangesRequest {
  readonly type: string;
  readonly asOf: Position;
  /** As in ScanRequest. */
  readonly since?: number;
  readonly until?: number;
  readonly size: number;
}

export interface ScanRange {
  readonly from: Position;
  readonly to: Position;
  /** Versions in it, superseded ones too. */
  readonly versions: number;
}

export interface Backend {
  /** What this backend cannot do, and its limits: the CapabilityStatement and the facade's planner read it. */
  readonly capabilities: BackendCapabilities;
  /** The position of the newest commit that readers see. */
  position(): MaybePromise<Position>;
  read(key: ResourceKey, access: AccessFilter): MaybePromise<ReadResult>;
  vread(key: ResourceKey, versionId: string, access: AccessFilter): MaybePromise<ReadResult>;
  history(request: HistoryRequest): MaybePromise<HistoryPage>;
  search(request: SearchRequest): MaybePromise<SearchPage>;
  /**
   * Executes a first page and tells how. Numbers of rows tell of what a filter hides: with restricted access it throws
   * Refusal('forbidden').
   */
  explain(request: SearchRequest): Promise<SearchExplanation>;
  /** Ids of the first `limit` matches, in no order: resolving of conditions. */
  resolve(
    type: string,
    where: Predicate,
    access: AccessFilter,
    limit: number,
  ): MaybePromise<readonly string[]>;
  commit(commit: Commit): Promise<CommitResult>;
  /** Committed versions after a position, oldest first, at most `limit`; a purge is none, and takes its resource's along. */
  changes(since: Position, limit: number): MaybePromise<readonly Change[]>;
  /** Goes through all that was there; others have their turn between two steps. */
  scan(request: ScanRequest): AsyncIterable<ScanStep>;
  /** Cuts the versions of a type into ranges for `scan`, in order, of at most `size` versions each; none where there are none. */
  ranges(request: RangesRequest): MaybePromise<readonly ScanRange[]>;
  /**
   * What a token or uri parameter says in the current resources of a type: each value once, in no order, at most `limit`. Of
   * all resources: whoever tells of a value first finds a resource that its asker may see and that has it.
   */
  values(type: string, param: string, limit: number): MaybePromise<readonly DistinctValue[]>;
  /** Number of current resources per type. */
  counts(): MaybePromise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

/** A code of a system (absent where it has none, and for a uri). */
export interface DistinctValue {
  readonly system?: string;
  readonly code: string;
}

export interface BackendCapabilities {
  /** Types served; `all` for a store of our own. */
  readonly types: 'all' | ReadonlySet<string>;
  readonly transactions: boolean;
  /** Search parameter kinds and modifiers it evaluates itself; the rest is residual. */
  readonly pushed: 'all' | ReadonlySet<string>;
  /** Included resources on one page at most. */
  readonly includeLimit: number;
}
