/**
 * What an import is to bring in, as its kick-off decided: plain data that travels with the job; how far an input has come,
 * and what it left.
 *
 * Invariant: the URLs in it are the asker's and go to the asker alone.
 */
import { readShared, writeShared } from '../../base/shared-json.js';
import type { Asker } from '../jobs/asker.js';
import type { ErrorFile } from '../jobs/error-file.js';

/** `upsert`: single resources, created or updated under their ids. `load`: as `fairway load` takes files, bundles and all. */
export type ImportMode = 'upsert' | 'load';

export interface ImportSpec {
  readonly asker: Asker;
  /** The kick-off's URL. */
  readonly request: string;
  readonly mode: ImportMode;
  readonly inputs: readonly ImportInput[];
  /** Where there are some, resources are known by their identifiers before they are by their ids. */
  readonly match: readonly MatchRule[];
}

/** Resources of the type that have an identifier of the system in common are one. */
export interface MatchRule {
  readonly type: string;
  readonly system: string;
}

export type ImportInput =
  | {
      readonly kind: 'url';
      readonly url: string;
      /** Of all that is in it. */
      readonly type: string;
      /** The state of the file that is meant. */
      readonly etag?: string;
    }
  /** What the kick-off itself brought, a file of the job. */
  | { readonly kind: 'body'; readonly name: string; readonly size: number }
  /** What was pulled from a source: a file of this machine. No kick-off names one. */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly size: number;
      /** Of all that is in it. */
      readonly type: string;
      readonly holds: 'resources' | 'deletions';
      /** The source's URL: `meta.source` of resources that have none. */
      readonly source: string;
    };

/** `input`: its place in the spec. `identify` comes before the inputs and tells them of `identities`. */
export type ImportPart =
  | { readonly step: 'plan' }
  | { readonly step: 'identify' }
  | {
      readonly step: 'input';
      readonly input: number;
      readonly identities?: IdentitiesFile;
      /** The state of the file that was looked at. */
      readonly etag?: string;
    };

/** A file of the job. */
export interface IdentitiesFile {
  readonly name: string;
  readonly size: number;
}

export interface ImportProgress {
  /** All lines up to this one are stored or refused. */
  readonly line: number;
  /** Of the file that was begun with. */
  readonly etag?: string;
  /** Stored, by type. */
  readonly stored: Readonly<Record<string, number>>;
  readonly files: readonly ErrorFile[];
  /** Lines for the next error file. */
  readonly waiting: readonly string[];
}

export interface ImportResult {
  readonly input: number;
  readonly stored: Readonly<Record<string, number>>;
  readonly files: readonly ErrorFile[];
}

export function writeImport(spec: ImportSpec | ImportPart | ImportProgress | ImportResult): string {
  return writeShared(spec);
}

// What is read below was written above, by this version or one that it can follow.
export function readImportSpec(text: string): ImportSpec {
  return readShared<ImportSpec>(text);
}

export function readImportPart(text: string): ImportPart {
  return readShared<ImportPart>(text);
}

export function readImportProgress(text: string): ImportProgress {
  return readShared<ImportProgress>(text);
}

export function readImportResult(text: string): ImportResult {
  return readShared<ImportResult>(text);
}
