/** What a purge is to take away, as its kick-off decided: plain data that travels with the job; and how far it has come. */
import { readShared, writeShared } from '../../base/shared-json.js';
import type { Asker } from '../jobs/asker.js';
import type { ErrorFile } from '../jobs/error-file.js';

export interface PurgeSpec {
  readonly asker: Asker;
  /** The kick-off's URL. */
  readonly request: string;
  /** The patient's id. */
  readonly patient: string;
  /** Types of the patient compartment that are gone through. */
  readonly types: readonly string[];
  /** Nothing is purged: it is counted. */
  readonly dryRun: boolean;
}

/** Resources by type. */
export type PurgeCounts = Readonly<Record<string, number>>;

/** What was purged by the steps up to here; what is gone is not found again by whoever takes over. */
export interface PurgeProgress {
  readonly purged: PurgeCounts;
}

export interface PurgeResult {
  /** Of a dry run: what would be. */
  readonly purged: PurgeCounts;
  readonly stays: PurgeCounts;
  /** What stays, and why. */
  readonly files: readonly ErrorFile[];
}

export function writePurge(spec: PurgeSpec | PurgeProgress | PurgeResult): string {
  return writeShared(spec);
}

// What is read below was written above, by this version or one that it can follow.
export function readPurgeSpec(text: string): PurgeSpec {
  return readShared<PurgeSpec>(text);
}

export function readPurgeProgress(text: string): PurgeProgress {
  return readShared<PurgeProgress>(text);
}

export function readPurgeResult(text: string): PurgeResult {
  return readShared<PurgeResult>(text);
}
