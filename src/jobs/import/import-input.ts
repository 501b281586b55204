/**
 * One input of an import, from where an earlier run ended to its end.
 *
 *   source ─▶ documents ─▶ bundle, in mode `load` ──┐
 *                     └─▶ batches of resources ─────┴─▶ pipeline ─▶ commits that are steps of the part
 *
 * Invariant: every line is stored once or refused once, whoever was killed meanwhile; what is refused stops nothing else.
 */
import { Refusal } from '../../fhir/outcome.js';
import type { ImportInput, ImportResult } from '../../interactions/import/import-spec.js';
import { makePace } from '../../interactions/pace.js';
import { ErrorFiles } from '../error-lines.js';
import { readBundle } from '../load-bundles.js';
import { documentsIn, type LoadDocument, UnreadableFile } from '../load-documents.js';
import { deletionsIn } from './deletions.js';
import { type ImportWork, WHOLE } from './import-work.js';
import { BrokenOff, type InputSource, isSame, openInput } from './input-source.js';
import { LineBatch } from './line-batch.js';
import { Storing } from './storing.js';

/** How often a source that breaks off is opened. */
const ATTEMPTS = 3;

export async function importInput(at: number, work: ImportWork): Promise<ImportResult> {
  const files = new ErrorFiles(work.bench);
  const storing = new Storing(work, files);
  try {
    await new InputRun(at, work, storing).toTheEnd();
  } catch (error) {
    // What is under way ends before the part is given up; what goes wrong then follows from what went wrong before.
    await Promise.allSettled([storing.end()]);
    throw error;
  }
  const { stored } = storing.progress;
  return { input: at, stored, files: (await files.written(storing.progress)).files };
}

class InputRun {
  readonly #at: number;
  readonly #work: ImportWork;
  readonly #storing: Storing;
  readonly #pace = makePace();
  #batch: LineBatch;
  /** The last line that was read. */
  #line: number;
  /** Thousandths that the part's progress knows of. */
  #told = 0;

  constructor(at: number, work: ImportWork, storing: Storing) {
    this.#at = at;
    this.#work = work;
    this.#storing = storing;
    this.#batch = new LineBatch(at, work);
    this.#line = storing.progress.line;
  }

  /** What cannot be read to its end is left there, and reported. */
  async toTheEnd(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const problem = await this.#read();
      await this.#flush();
      await this.#storing.end();
      if (problem === undefined) return;
      if (problem instanceof BrokenOff && attempt < ATTEMPTS) continue;
      const text = `The input was left after line ${this.#line}: ${problem.message}.`;
      return this.#storing.refuse({ severity: 'error', code: 'incomplete', text });
    }
  }

  /** From behind the last line; answers why it cannot be read to its end. */
  async #read(): Promise<UnreadableFile | undefined> {
    const { spec, claim, bench } = this.#work;
    const { lineLimit: line, fileLimit: whole } = bench.settings;
    try {
      const input = spec.inputs[this.#at] as ImportInput; // planned from them
      const source = await openInput(input, claim.job.id, bench);
      const lines = documentsIn(this.#measured(source), this.#line, true, { line, whole });
      for await (const document of lines) {
        await this.#document(document);
        this.#line = document.line;
        if (this.#pace.due()) await this.#pace.rest();
        bench.done(0);
      }
      return undefined;
    } catch (error) {
      if (error instanceof UnreadableFile) return error;
      throw error;
    }
  }

  /** Lines that were read of another state of the file are no lines of this one. */
  async *#measured({ chunks, length, etag }: InputSource): AsyncGenerator<Buffer> {
    const known = this.#storing.progress.etag ?? this.#work.etag;
    if (known !== undefined && !isSame(known, etag))
      throw new UnreadableFile('it was changed while it was imported');
    if (etag !== undefined) this.#storing.begunWith(etag);
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      const done = length === undefined ? 0 : Math.min(WHOLE, Math.floor((WHOLE * bytes) / length));
      this.#work.bench.done(Math.max(0, done - this.#told));
      this.#told = Math.max(this.#told, done);
      yield chunk;
    }
  }

  async #document(document: LoadDocument): Promise<void> {
    try {
      if (!(await this.#bundle(document))) await this.#resource(document);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status >= 500) throw error;
      this.#batch.refuse(document, error);
    }
    if (this.#batch.isFull) await this.#flush();
  }

  async #resource(document: LoadDocument): Promise<void> {
    const item = await this.#batch.item(document);
    if (!this.#batch.accepts(item)) await this.#flush();
    this.#batch.add(item, document);
  }

  /** False: it is to be stored as a resource. */
  async #bundle(document: LoadDocument): Promise<boolean> {
    const input = this.#work.spec.inputs[this.#at];
    const isDeletions = input?.kind === 'file' && input.holds === 'deletions';
    if (this.#work.spec.mode !== 'load' && !isDeletions) return false;
    const object = this.#batch.object(document);
    const content = isDeletions ? deletionsIn(object) : object;
    if (content.resourceType !== 'Bundle') return false;
    const bundle = readBundle(content, this.#batch.context);
    if (bundle === 'resource') return false;
    const freshId = this.#batch.idsOf(document.line);
    await this.#flush();
    await this.#storing.bundle(bundle, document.line, freshId);
    return true;
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    if (batch.isEmpty) return;
    this.#batch = new LineBatch(this.#at, this.#work);
    await this.#storing.batch(batch);
  }
}
