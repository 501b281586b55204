/**
 * What an export is to hold, as its kick-off decided: plain data that travels with the job, and what each of its parts left.
 *
 * Invariant: an export reads nothing that its spec does not name; the access filter in it is that of who asked.
 */
import { readShared, writeShared } from '../../base/shared-json.js';
import type { Issue } from '../../fhir/outcome.js';
import type { Predicate } from '../../fhir/search/query.js';
import type { AccessFilter } from '../../ports/access-filter.js';

export interface ExportSpec {
  readonly level: ExportLevel;
  /** The kick-off's URL. */
  readonly request: string;
  readonly baseUrl: string;
  /** Types that are gone through; Provenance not among them where it only comes along. */
  readonly types: readonly string[];
  /** `_typeFilter`, by type: sets that a search knows by name are in it as their members. */
  readonly filters: Readonly<Record<string, Predicate>>;
  /** Milliseconds: changed after, before. */
  readonly since?: number;
  readonly until?: number;
  readonly elements?: readonly string[];
  /** Which Provenance of what is exported comes along; absent: none but what `types` ask for. */
  readonly provenance?: 'all' | 'latest';
  /** No other Provenance than that. */
  readonly associated: boolean;
  /** Resources stand behind a header of the patient that they belong to, in files of several types. */
  readonly organizedBy?: 'Patient';
  /** The asker's filter for searches. */
  readonly access: AccessFilter;
  /** What could not be done, for the manifest's `error`. */
  readonly notes: readonly Issue[];
}

/** `patients`: only these. */
export type ExportLevel =
  | { readonly kind: 'system' }
  | { readonly kind: 'patient'; readonly patients?: readonly string[] }
  | {
      readonly kind: 'group';
      readonly id: string;
      readonly versionId: string;
      /** Members, or as many as it lists, are the patients who meet this as of the export; absent: those that it lists. */
      readonly members?: Predicate;
      readonly patients?: readonly string[];
    };

/** A stretch of one type's versions. */
export interface ExportSlice {
  readonly type: string;
  readonly from: number;
  readonly to: number;
}

export type ExportPart =
  | { readonly step: 'plan' }
  | { readonly step: 'scan'; readonly slices: readonly ExportSlice[] }
  /** All of these types in the records of these patients. */
  | { readonly step: 'search'; readonly types: readonly string[]; readonly patients: readonly string[] }
  /** The records of these patients, or of those in a slice, one after the other. */
  | { readonly step: 'records'; readonly patients: readonly string[] }
  | { readonly step: 'records'; readonly slice: ExportSlice };

/** A file that a part left. */
export interface ExportFile {
  readonly list: 'output' | 'deleted' | 'error';
  /** Whose resources, or deletions, are in it; absent: of several types, `types`. */
  readonly type?: string;
  readonly types?: readonly string[];
  readonly name: string;
  /** Lines. */
  readonly count: number;
  readonly size: number;
  readonly sha256: string;
}

export interface ExportResult {
  readonly files: readonly ExportFile[];
}

export function writeSpec(spec: ExportSpec | ExportPart | ExportResult): string {
  return writeShared(spec);
}

// What is read below was written above, by this version or one that it can follow.
export function readExportSpec(text: string): ExportSpec {
  return readShared<ExportSpec>(text);
}

export function readExportPart(text: string): ExportPart {
  return readShared<ExportPart>(text);
}

export function readExportResult(text: string): ExportResult {
  return readShared<ExportResult>(text);
}
