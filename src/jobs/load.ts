/**
 * Loading of files into a store, by the same write path as requests: bundles, NDJSON, single resources; gzipped, in
 * folders, from standard input.
 *
 *   file ─▶ documents ─▶ bundle ────────────────┐
 *                    └─▶ batches of resources ──┴─▶ pipeline ─▶ commits ─▶ marks in the ledger
 *
 * Invariant: what is refused is reported with file, line and reason, and stops nothing else; what an interrupted load has
 * stored is not stored twice.
 */
import type { Readable } from 'node:stream';
import { isObject, type JsonObject, type JsonValue } from '../fhir/format/json.js';
import { Refusal } from '../fhir/outcome.js';
import type { Context } from '../interactions/context.js';
import { makePace, type Pace } from '../interactions/pace.js';
import type { Ledger } from '../ports/ledger.js';
import { checkBundle, readBundle, stopsLoad, storeBatchBundle, storeTransaction } from './load-bundles.js';
import { documentContext, documentIds } from './load-context.js';
import { documents, isNdjson, type LoadDocument, UnreadableFile, UnreadableText } from './load-documents.js';
import type { LoadFile } from './load-inputs.js';
import { Marks } from './load-marks.js';
import { Pipeline } from './load-pipeline.js';
import {
  type LoadListener,
  type LoadRefusal,
  type LoadSummary,
  NOTHING,
  type PieceResult,
  reasonsOf,
  tally,
} from './load-report.js';
import { checkAny, ResourceBatch, readItem, storeBatch } from './load-resources.js';

/** Into which store, and with whose rights. */
export interface LoadTarget {
  /** For what is not committed as one: checks, and batches, whose entries are requests of their own. */
  readonly context: Context;
  readonly ledger: Ledger;
}

export interface LoadOptions {
  /** Check everything, store nothing. */
  readonly dryRun: boolean;
  /** Load what is in already, too. */
  readonly again: boolean;
  readonly standardInput: Readable;
}

/** Resources under way at once: bounds memory, and keeps the writer busy. */
const UNDER_WAY = 4000;

/** `files`: as loadFiles makes them. Throws what ended the load early. */
export async function load(
  files: readonly LoadFile[],
  target: LoadTarget,
  options: LoadOptions,
  listener: LoadListener,
): Promise<LoadSummary> {
  const run = new LoadRun(files, target, options, listener);
  try {
    for (const file of files) await run.file(file);
    return await run.end();
  } catch (error) {
    await run.abandon();
    throw error;
  }
}

/** What is known of the file that is being read. */
interface OpenFile {
  readonly file: LoadFile;
  line: number;
  refused: number;
}

class LoadRun {
  readonly #pipeline = new Pipeline(UNDER_WAY);
  readonly #marks: Marks;
  readonly #pace: Pace = makePace();
  /** Makes the ids of this load others than those of an earlier one. */
  readonly #salt: string;
  readonly #stored = new Map<string, number>();
  #batch = new ResourceBatch<number>();
  #bytes = 0;
  #resources = 0;
  #found = 0;
  #repeated = 0;
  #refused = 0;
  #skippedFiles = 0;

  constructor(
    files: readonly LoadFile[],
    private readonly target: LoadTarget,
    private readonly options: LoadOptions,
    private readonly listener: LoadListener,
  ) {
    this.#marks = new Marks(target.ledger);
    const isRepeatable = files.every((file) => file.fingerprint !== undefined) && !options.again;
    this.#salt = isRepeatable ? '' : target.context.newId();
  }

  async file(file: LoadFile): Promise<void> {
    const { again, dryRun, standardInput } = this.options;
    const mark = again || dryRun ? undefined : this.#marks.of(file);
    if (mark?.complete === true) return this.#skip(file);
    const open: OpenFile = { file, line: mark?.line ?? 0, refused: mark?.refused ?? 0 };
    try {
      const onBytes = (count: number): void => {
        this.#bytes += count;
      };
      for await (const document of documents(file, standardInput, open.line, onBytes)) {
        await this.#document(document, open);
        open.line = document.line;
        if (this.#pace.due()) await this.#pace.rest();
      }
      await this.#flush(open);
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error;
      await this.#flush(open);
      this.#refuse(open, { file: file.name, reasons: [`The file was left here: ${error.message}.`] });
    }
    await this.#finish(open);
  }

  async end(): Promise<LoadSummary> {
    await this.#pipeline.end();
    await this.#marks.end();
    this.#tell();
    return {
      stored: new Map([...this.#stored].sort()),
      found: this.#found,
      repeated: this.#repeated,
      refused: this.#refused,
      skippedFiles: this.#skippedFiles,
    };
  }

  /** Lets what is under way end, and notes how far it came. What goes wrong then follows from what went wrong before. */
  async abandon(): Promise<void> {
    await Promise.allSettled([this.#pipeline.end()]);
    await Promise.allSettled([this.#marks.end()]);
  }

  #skip(file: LoadFile): void {
    this.#skippedFiles++;
    this.#bytes += file.size ?? 0;
    this.listener.skipped(file);
    this.#tell();
  }

  async #document({ line, content }: LoadDocument, open: OpenFile): Promise<void> {
    const place = placeOf(open.file, line);
    try {
      if (content instanceof UnreadableText)
        throw new Refusal('malformed-json', `Left out: ${content.reason}.`);
      if (isObject(content) && content.resourceType === 'Bundle') await this.#bundle(content, line, open);
      else await this.#resource(content, line, open);
    } catch (error) {
      if (!(error instanceof Refusal) || stopsLoad(error)) throw error;
      this.#refuse(open, { ...place, reasons: reasonsOf(error) });
    }
  }

  async #resource(value: JsonValue, line: number, open: OpenFile): Promise<void> {
    if (this.options.dryRun) {
      const { resourceType } = checkAny(value, this.target.context);
      this.#take({ ...NOTHING, stored: tally([resourceType]) }, open);
      return;
    }
    const freshId = documentIds(open.file, line, this.#salt);
    const item = readItem(value, line, freshId, this.target.context);
    if (!this.#batch.accepts(item.write)) await this.#flush(open);
    this.#batch.add(item);
  }

  async #bundle(content: JsonObject, line: number, open: OpenFile): Promise<void> {
    const bundle = readBundle(content, this.target.context);
    if (bundle === 'resource') return this.#resource(content, line, open);
    const place = placeOf(open.file, line);
    await this.#flush(open);
    if (this.options.dryRun) return this.#take(await checkBundle(bundle, place, this.target.context), open);
    const { type, entries } = bundle;
    await this.#pipeline.add<PieceResult>({
      weight: entries.length,
      run: (handedOver, earlier) =>
        type === 'batch'
          ? storeBatchBundle(
              { bundle, place, context: () => this.target.context, earlier },
              documentIds(open.file, line, this.#salt),
            )
          : storeTransaction({
              bundle,
              place,
              context: () => this.#contextOf(open.file, line, handedOver),
              earlier,
            }),
      done: (result) => this.#done(result, line, open),
    });
  }

  #contextOf(file: LoadFile, line: number, handedOver: () => void): Context {
    return documentContext(this.target, documentIds(file, line, this.#salt), handedOver);
  }

  /** Hands the batch over, if there is one. */
  async #flush(open: OpenFile): Promise<void> {
    const { items } = this.#batch;
    if (items.length === 0) return;
    this.#batch = new ResourceBatch();
    const last = Math.max(...items.map((item) => item.place));
    await this.#pipeline.add<PieceResult>({
      weight: items.length,
      run: async (handedOver) => {
        const refusals: LoadRefusal[] = [];
        const context = documentContext(this.target, this.target.context.newId, handedOver);
        const writes = await storeBatch(items, context, (line, refusal) =>
          refusals.push({ ...placeOf(open.file, line), reasons: reasonsOf(refusal) }),
        );
        return { ...NOTHING, stored: tally(writes.map((write) => write.type)), refusals };
      },
      done: (result) => this.#done(result, last, open),
    });
  }

  /** A file's last piece: it tells that all before it went through. */
  async #finish(open: OpenFile): Promise<void> {
    if (this.options.dryRun) return;
    await this.#pipeline.add({
      weight: 0,
      run: async () => NOTHING,
      done: () => {
        const mark = open.refused === 0 ? { line: open.line, complete: true } : { line: 0, complete: false };
        this.#marks.set(open.file, { ...mark, refused: 0 });
      },
    });
  }

  #done(result: PieceResult, line: number, open: OpenFile): void {
    this.#take(result, open);
    this.#marks.set(open.file, { complete: false, line, refused: open.refused });
  }

  #take(result: PieceResult, open: OpenFile): void {
    for (const [type, count] of result.stored) {
      this.#stored.set(type, (this.#stored.get(type) ?? 0) + count);
      this.#resources += count;
    }
    this.#found += result.found;
    this.#repeated += result.repeated;
    for (const refusal of result.refusals) this.#refuse(open, refusal);
    this.#tell();
  }

  #refuse(open: OpenFile, refusal: LoadRefusal): void {
    open.refused++;
    this.#refused++;
    this.listener.refused(refusal);
  }

  #tell(): void {
    this.listener.progress({
      bytes: this.#bytes,
      resources: this.#resources,
      refused: this.#refused,
    });
  }
}

/** Lines are told of NDJSON alone. */
function placeOf(file: LoadFile, line: number): Pick<LoadRefusal, 'file' | 'line'> {
  return line === 1 && !isNdjson(file) ? { file: file.name } : { file: file.name, line };
}
