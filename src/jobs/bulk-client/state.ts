/**
 * What a folder of exports remembers, so that the same command goes on where an earlier one ended.
 *
 *   OUT/.fairway-export.json         the export under way, and the last one that was complete
 *   OUT/.fairway-export.lock         the process at work
 *   OUT/2026-01-31T08-00-00Z/        one export: manifest.json, Patient.001.ndjson, …
 *
 * Invariants: the state is replaced as a whole, and is durable before the server is asked for anything that follows from
 * it; one process at a time is at work in a folder.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { serialisePretty } from '../../fhir/format/serialise.js';
import { ExportProblem, FolderTaken } from './problem.js';

/** The last export of which everything is in. */
export interface Complete {
  /** The kick-off URL without `_since`. */
  readonly asked: string;
  readonly transactionTime: string;
}

/** The export that is under way. */
export interface Underway {
  readonly asked: string;
  /** As it was typed: '' for none, `last`, or an instant. */
  readonly since: string;
  readonly statusUrl: string;
  /** Of its files, inside the folder. */
  readonly folder: string;
  /** All is in; only the server has not been told. */
  readonly isIn: boolean;
}

export interface State {
  readonly complete: Complete | undefined;
  readonly underway: Underway | undefined;
}

const STATE = '.fairway-export.json';
const LOCK = '.fairway-export.lock';

export function readState(folder: string): State {
  const file = join(folder, STATE);
  const text = textOf(file);
  if (text === undefined) return { complete: undefined, underway: undefined };
  const value = parsed(text);
  if (value === undefined) {
    throw new ExportProblem(`${file} cannot be read: remove it to start anew, or name another folder.`);
  }
  return { complete: completeOf(value.complete), underway: underwayOf(value.underway) };
}

function completeOf(value: JsonValue | undefined): Complete | undefined {
  if (!isObject(value)) return undefined;
  return { asked: String(value.asked), transactionTime: String(value.transactionTime) };
}

function underwayOf(value: JsonValue | undefined): Underway | undefined {
  if (!isObject(value)) return undefined;
  const { asked, since, statusUrl, folder, isIn } = value;
  return {
    asked: String(asked),
    since: String(since),
    statusUrl: String(statusUrl),
    folder: String(folder),
    isIn: isIn === true,
  };
}

export function writeState(folder: string, { complete, underway }: State): void {
  const value: JsonObject = {
    ...(complete === undefined ? {} : { complete: { ...complete } }),
    ...(underway === undefined ? {} : { underway: { ...underway } }),
  };
  writeDurably(folder, STATE, `${serialisePretty(value)}\n`);
}

/** A file that is there as a whole or not at all. */
export function writeDurably(folder: string, name: string, text: string): void {
  const file = join(folder, name);
  const descriptor = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(`${file}.new`, file);
  syncFolder(folder);
}

/** Makes the names in a folder durable. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes the folder and keeps others out of it; returns what lets them in again. */
export function lockFolder(folder: string): () => void {
  const file = join(folder, LOCK);
  mkdirSync(folder, { recursive: true });
  const holder = Number(textOf(file) ?? Number.NaN);
  if (isRunning(holder)) {
    throw new FolderTaken(
      `Another export is at work in ${folder} (process ${holder}); if it is not, remove ${file}.`,
    );
  }
  rmSync(file, { force: true }); // of a process that was killed
  const descriptor = openSync(file, 'wx', 0o600);
  writeSync(descriptor, String(process.pid));
  closeSync(descriptor);
  return () => rmSync(file, { force: true });
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM'; // another user's
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parsed(text: string): Record<string, JsonValue> | undefined {
  try {
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
