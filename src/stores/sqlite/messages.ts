/**
 * What passes between a process's main thread and its writer thread. Index values travel as text, which costs less
 * than copying the objects; stored bytes do not travel back: both sides can put them together.
 */
import type { RefusalKind } from '../../fhir/outcome.js';
import type { Permitted } from '../../ports/access-filter.js';
import type { Commit, CommitResult, Condition, Position, Write } from '../../ports/backend.js';
import type { NewJob, PartOutcome } from '../../ports/jobs.js';
import type { RecordOptions } from '../../ports/records.js';
import type { AuditPage } from './audit-pages.js';

/** A write of the port, its resource taken apart. */
export type WireWrite =
  | Exclude<Write, { readonly kind: 'put' }>
  | (Omit<Write & { readonly kind: 'put' }, 'resource'> & {
      readonly metaRest: string;
      readonly rest: string;
      /** Lines, see wire-values.ts. */
      readonly values: string;
    });

/** One custom parameter on one type, as parameter_index knows it. */
export interface ParameterKey {
  readonly type: string;
  readonly code: string;
  /** Rid of the SearchParameter. */
  readonly parameter: number;
  readonly signature: string;
}

export interface CommitJob {
  readonly kind: 'commit';
  readonly number: number;
  /** The clock when the commit was handed over. */
  readonly now: number;
  readonly access: Permitted;
  /** In a message: those that did not come in parts before. */
  readonly writes: readonly WireWrite[];
  readonly conditions: readonly Condition[];
  readonly resolvedAt: Position;
  /** The oldest definitions that any of the values follow; absent where nothing but deletions is written. */
  readonly indexedAt: Position | undefined;
  /** Lines for the audit log. */
  readonly audit: readonly AuditPage[];
  readonly follows: Commit['follows'];
  readonly step: PartStep | undefined;
}

/** Lines for the audit log, which no commit brings. */
export interface AuditJob {
  readonly kind: 'audit';
  readonly number: number;
  readonly pages: readonly AuditPage[];
}

/** Writes of a commit that is to come under the same number. */
export interface CommitPart {
  readonly kind: 'part';
  readonly number: number;
  readonly writes: readonly WireWrite[];
}

export interface LedgerJob {
  readonly kind: 'ledger';
  readonly number: number;
  readonly name: string;
  readonly value: string;
}

/** What is to become of a record; see ports/records.ts. */
export type RecordChange =
  | ({
      readonly change: 'put' | 'insert';
      readonly kind: string;
      readonly name: string;
      readonly value: string;
    } & RecordOptions)
  | { readonly change: 'take'; readonly kind: string; readonly name: string }
  | { readonly change: 'remove-group'; readonly group: string };

export interface RecordJob {
  readonly kind: 'record';
  readonly number: number;
  /** The clock when the change was handed over. */
  readonly now: number;
  readonly wanted: RecordChange;
}

export interface RecordResult {
  readonly kind: 'recorded';
  readonly changed: boolean;
  /** Of a record that was taken. */
  readonly value?: string;
}

/** What is to become of jobs and their parts; see ports/jobs.ts and jobs-writer.ts. */
export type JobsChange =
  | { readonly change: 'add'; readonly job: NewJob }
  | { readonly change: 'look'; readonly id: string }
  | { readonly change: 'cancel'; readonly id: string }
  | { readonly change: 'claim'; readonly lease: string; readonly until: number }
  | { readonly change: 'beat'; readonly part: PartName; readonly done: number; readonly until: number }
  | {
      readonly change: 'finish';
      readonly part: PartName;
      readonly outcome: PartOutcome;
      readonly expires: number;
    }
  | {
      readonly change: 'fail';
      readonly part: PartName;
      readonly problem: string;
      readonly final: boolean;
      readonly expires: number;
    }
  | { readonly change: 'give-back'; readonly part: PartName }
  | { readonly change: 'remove'; readonly id: string };

/** How far a part has come with a commit. */
export interface PartStep {
  readonly part: PartName;
  readonly progress: string;
}

/** A part under a lease. */
export interface PartName {
  readonly id: string;
  readonly number: number;
  readonly lease: string;
}

export interface JobsJob {
  readonly kind: 'jobs';
  readonly number: number;
  /** The clock when the change was handed over. */
  readonly now: number;
  readonly wanted: JobsChange;
}

export interface JobsResult {
  readonly kind: 'jobs-changed';
  readonly changed: boolean;
  /** Of an added job. */
  readonly added?: { readonly position: Position; readonly time: number };
  /** Of a part that was claimed. */
  readonly claimed?: { readonly id: string; readonly part: number };
}

/** Bring the full-text index to this position at least. */
export interface FullTextJob {
  readonly kind: 'full-text';
  readonly number: number;
  readonly upTo: Position;
}

/** The walk for a custom parameter is to begin. */
export interface IndexingStart {
  readonly kind: 'indexing-start';
  readonly number: number;
  readonly key: ParameterKey;
  readonly definitionsAt: Position;
}

/** What the walk found in the resources from one position to another. */
export interface IndexingStep {
  readonly kind: 'indexing-step';
  readonly number: number;
  readonly key: ParameterKey;
  readonly since: Position;
  readonly from: Position;
  readonly to: Position;
  readonly isLast: boolean;
  /** Names under which the parameter's values stand. */
  readonly codes: readonly string[];
  readonly resources: readonly IndexedResource[];
}

export interface IndexedResource {
  readonly rid: number;
  readonly position: Position;
  /** Lines, see wire-values.ts. */
  readonly values: string;
}

export type IndexingJob = IndexingStart | IndexingStep;
/** `overtaken`: another process has come before, or the definitions have changed. Nothing was written. */
export type IndexingResult = { readonly kind: 'advanced' } | { readonly kind: 'overtaken' };

export type Job = CommitJob | LedgerJob | RecordJob | IndexingJob | AuditJob | JobsJob;
export type JobResult = CommitResult | IndexingResult | RecordResult | JobsResult;
/** The writer thread is sent lists of these. */
export type WriterMessage = Job | FullTextJob | CommitPart | { readonly kind: 'close' };

export type Answer =
  /** For the process's log; answers nobody. */
  | { readonly kind: 'checkpoint'; readonly chain: string; readonly sequence: number; readonly hash: string }
  | { readonly number: number; readonly kind: 'done'; readonly result: JobResult }
  | {
      readonly number: number;
      readonly kind: 'failed';
      readonly refusal: RefusalKind;
      readonly text: string;
    };

export interface WriterSettings {
  readonly file: string;
  readonly primaryDates: ReadonlyMap<string, string>;
  readonly pageLimit?: number;
  /** The base URL, which the audit log names as the place of what it tells. */
  readonly site: string;
}
