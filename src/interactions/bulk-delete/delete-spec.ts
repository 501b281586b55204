/**
 * What a bulk delete is to delete, as its kick-off decided: plain data that travels with the job; how far a part has come,
 * and what it left.
 */
import { readShared, writeShared } from '../../base/shared-json.js';
import type { Predicate } from '../../fhir/search/query.js';
import type { Asker } from '../jobs/asker.js';
import type { ErrorFile } from '../jobs/error-file.js';

export interface DeleteSpec {
  readonly asker: Asker;
  /** The kick-off's URL. */
  readonly request: string;
  /** Sets that a search knows by name are in the criteria as their members. */
  readonly criteria: readonly { readonly type: string; readonly where: Predicate }[];
  /** Nothing is deleted: it is counted. */
  readonly dryRun: boolean;
}

/** `scan`: the versions of a type from one position to another. */
export type DeletePart =
  | { readonly step: 'plan' }
  | { readonly step: 'scan'; readonly type: string; readonly from: number; readonly to: number };

export interface DeleteCounts {
  readonly matched: number;
  readonly deleted: number;
  readonly refused: number;
}

export interface DeleteProgress extends DeleteCounts {
  /** All versions up to this position were looked at, and what matched is deleted or refused. */
  readonly position: number;
  readonly files: readonly ErrorFile[];
  /** Lines for the next error file. */
  readonly waiting: readonly string[];
}

export interface DeleteResult extends DeleteCounts {
  readonly type: string;
  readonly files: readonly ErrorFile[];
}

export function writeDelete(spec: DeleteSpec | DeletePart | DeleteProgress | DeleteResult): string {
  return writeShared(spec);
}

// What is read below was written above, by this version or one that it can follow.
export function readDeleteSpec(text: string): DeleteSpec {
  return readShared<DeleteSpec>(text);
}

export function readDeletePart(text: string): DeletePart {
  return readShared<DeletePart>(text);
}

export function readDeleteProgress(text: string): DeleteProgress {
  return readShared<DeleteProgress>(text);
}

export function readDeleteResult(text: string): DeleteResult {
  return readShared<DeleteResult>(text);
}
