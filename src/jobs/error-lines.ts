/**
 * What a part of a job refused: a line for each, in files.
 *
 *   refusals ──▶ lines that wait, in the part's progress ── many ──▶ a file of the job ── named in the progress
 *
 * Invariant: a value; what was committed with a step is neither lost nor told twice, whoever goes on. A file is kept from
 * the step on that names it.
 */
import { serialise } from '../fhir/format/serialise.js';
import { type Issue, operationOutcome } from '../fhir/outcome.js';
import type { ErrorFile } from '../interactions/jobs/error-file.js';
import type { JobFileWriter, Workbench } from './job-kind.js';

export interface ErrorLines {
  readonly files: readonly ErrorFile[];
  /** Serialised OperationOutcomes. */
  readonly waiting: readonly string[];
}

export const NO_ERRORS: ErrorLines = { files: [], waiting: [] };

/** Characters that travel with the progress of each step; with more a file is written. */
const MOST_WAITING = 128 * 1024;

/** `place`: where in what the asker sent, or which resource; for the asker to find it by. */
export function errorLine(issues: readonly Issue[], place: string): string {
  return serialise(operationOutcome(issues.map((issue) => ({ ...issue, diagnostics: place }))));
}

/** With these lines, behind those that there are. */
export function withLines({ files, waiting }: ErrorLines, lines: readonly string[]): ErrorLines {
  return lines.length === 0 ? { files, waiting } : { files, waiting: [...waiting, ...lines] };
}

export function isFull({ waiting }: ErrorLines): boolean {
  return waiting.reduce((sum, line) => sum + line.length, 0) > MOST_WAITING;
}

/** Files of this run that no step names so far. */
export class ErrorFiles {
  readonly #bench: Workbench;
  #unnamed: JobFileWriter[] = [];

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  /** All lines in files. */
  async written({ files, waiting }: ErrorLines): Promise<ErrorLines> {
    if (waiting.length === 0) return { files, waiting };
    const writer = await this.#bench.file(`errors-${files.length + 1}`);
    for (const line of waiting) await writer.write(Buffer.from(`${line}\n`));
    const facts = await writer.close();
    this.#unnamed.push(writer);
    return { files: [...files, { name: writer.name, count: waiting.length, ...facts }], waiting: [] };
  }

  /** A step was committed that names all of them. */
  named(): void {
    for (const writer of this.#unnamed) writer.keep();
    this.#unnamed = [];
  }
}
