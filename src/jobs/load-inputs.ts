/**
 * The files of a load: folders opened up, in the order in which they go in.
 *
 * Invariant: files that others refer to by condition (Synthea writes its hospitals and practitioners so) come first; apart
 * from that the order is that of the arguments, and of the names within a folder.
 */
import { createHash } from 'node:crypto';
import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';

/** `-` on the command line. */
export const STANDARD_INPUT = '-';

export interface LoadFile {
  /** As it was given, or below the folder that was given. */
  readonly name: string;
  /** Bytes on disk; undefined where that cannot be known. */
  readonly size?: number;
  /** Last change, milliseconds. */
  readonly changed: number;
  /** Names this state of this file; undefined for standard input, which has none. */
  readonly fingerprint?: string;
}

/** An input that cannot be read at all: nothing is loaded then. */
export class LoadInputError extends Error {
  override readonly name = 'LoadInputError';
}

const LOADABLE = /\.(?:json|ndjson|jsonl)(?:\.gz)?$/i;

/** What `fairway export` writes beside the data. */
const BESIDE_DATA = /^(?:manifest(?:-\d+)?\.json|error\.\d+\.ndjson)$/;

/** Name parts of files that go first, in this order. */
const FIRST = [/hospitalInformation/, /practitionerInformation/];

export function loadFiles(inputs: readonly string[]): readonly LoadFile[] {
  const files = inputs.flatMap((input) =>
    input === STANDARD_INPUT ? [standardInput()] : below(input, true),
  );
  if (files.length === 0) {
    throw new LoadInputError(
      'Nothing to load: the folders hold no .json, .ndjson or .jsonl files, plain or .gz.',
    );
  }
  return files.sort((a, b) => rank(a.name) - rank(b.name));
}

function rank(name: string): number {
  const place = FIRST.findIndex((pattern) => pattern.test(name));
  return place < 0 ? FIRST.length : place;
}

function standardInput(): LoadFile {
  return { name: STANDARD_INPUT, changed: 0 };
}

/** Files that were named are taken whatever they are called; those in folders by their extension. */
function below(path: string, named: boolean): readonly LoadFile[] {
  const found = stateOf(path);
  if (found.isDirectory()) {
    const names = readdirSync(path).filter((name) => !name.startsWith('.') && !BESIDE_DATA.test(name));
    return names.sort().flatMap((name) => below(join(path, name), false));
  }
  if (!found.isFile() && named) throw new LoadInputError(`${path} is neither a file nor a folder.`);
  if (!found.isFile() || !(named || LOADABLE.test(path))) return [];
  const changed = found.mtimeMs;
  const state = `${realpathSync(path)}\n${found.size}\n${changed}`;
  const fingerprint = createHash('sha256').update(state).digest('hex');
  return [{ name: path, size: found.size, changed, fingerprint }];
}

function stateOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const why = code === 'ENOENT' ? 'there is no such file or folder' : `it cannot be read (${code})`;
    throw new LoadInputError(`${path}: ${why}.`);
  }
}
