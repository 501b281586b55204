/**
 * How far each file was loaded, in the tenant's ledger, so that an interrupted load goes on where it ended.
 *
 *   load:<fingerprint of the file>  ─▶  `complete`, or `12000` (lines), or `12000 refused 3`
 *
 * Invariant: a mark is written after what it speaks of is durable, so it may be late and never early. A file of which
 * something was refused is never complete: loading it again starts over.
 */
import type { Ledger } from '../ports/ledger.js';
import type { LoadFile } from './load-inputs.js';

export interface Mark {
  readonly complete: boolean;
  readonly line: number;
  readonly refused: number;
}

const START: Mark = { complete: false, line: 0, refused: 0 };
const LINES = /^(\d+)(?: refused (\d+))?$/;

export class Marks {
  readonly #waiting = new Map<string, string>();
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(private readonly ledger: Ledger) {}

  of(file: LoadFile): Mark {
    const text = file.fingerprint === undefined ? undefined : this.ledger.get(nameOf(file.fingerprint));
    if (text === undefined) return START;
    if (text === 'complete') return { ...START, complete: true };
    const [, line, refused] = LINES.exec(text) ?? [];
    return { complete: false, line: Number(line ?? 0), refused: Number(refused ?? 0) };
  }

  /** Returns at once; of several marks of one file that wait, the last is written. */
  set(file: LoadFile, mark: Mark): void {
    if (file.fingerprint === undefined) return;
    const lines = mark.refused === 0 ? `${mark.line}` : `${mark.line} refused ${mark.refused}`;
    this.#waiting.set(nameOf(file.fingerprint), mark.complete ? 'complete' : lines);
    this.#writing ??= this.#write();
  }

  /** Resolves when all marks are durable. */
  async end(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #write(): Promise<void> {
    try {
      for (const [name, value] of this.#waiting) {
        this.#waiting.delete(name);
        await this.ledger.set(name, value);
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#writing = undefined;
  }
}

function nameOf(fingerprint: string): string {
  return `load:${fingerprint}`;
}
