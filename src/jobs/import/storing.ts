/**
 * Stores the lines of an input in order, and knows how far it has come: one commit is under way while the next batch is
 * made.
 *
 * Invariant: a commit carries the progress that it leads to, and none is begun where one before it failed: what the store
 * knows is true of all lines up to the one that it names.
 */
import type { Issue, Refusal } from '../../fhir/outcome.js';
import type { RequestBundle } from '../../interactions/bundle/bundle.js';
import type { Context } from '../../interactions/context.js';
import {
  type ImportProgress,
  readImportProgress,
  writeImport,
} from '../../interactions/import/import-spec.js';
import type { Commit, ResourceKey, Write } from '../../ports/backend.js';
import { askerContext } from '../asker-context.js';
import { commitEach } from '../commit-each.js';
import { type ErrorFiles, errorLine, isFull, NO_ERRORS, withLines } from '../error-lines.js';
import { storeBatchBundle, storeTransaction } from '../load-bundles.js';
import { Pipeline } from '../load-pipeline.js';
import type { PieceResult } from '../load-report.js';
import { BATCH_RESOURCES, type BatchItem, storeBatch } from '../load-resources.js';
import type { ImportWork } from './import-work.js';
import type { LineBatch, RefusedLine } from './line-batch.js';

export class Storing {
  readonly #work: ImportWork;
  readonly #files: ErrorFiles;
  readonly #pipeline = new Pipeline(2 * BATCH_RESOURCES);
  #progress: ImportProgress;
  #hasFailed = false;

  constructor(work: ImportWork, files: ErrorFiles) {
    const { progress } = work.claim;
    this.#work = work;
    this.#files = files;
    this.#progress =
      progress === undefined ? { line: 0, stored: {}, ...NO_ERRORS } : readImportProgress(progress);
  }

  /** Once `end` resolved, all of it. */
  get progress(): ImportProgress {
    return this.#progress;
  }

  begunWith(etag: string): void {
    this.#progress = { ...this.#progress, etag };
  }

  /** Of the input as a whole. */
  refuse(issue: Issue): void {
    const line = errorLine([issue], `line ${this.#progress.line}`);
    this.#progress = { ...this.#progress, ...withLines(this.#progress, [line]) };
  }

  /** Resolves when the next one may be made. */
  batch(batch: LineBatch): Promise<void> {
    return this.#inTurn(Math.max(1, batch.items.length), () => this.#store(batch));
  }

  bundle(bundle: RequestBundle, line: number, freshId: () => string): Promise<void> {
    return this.#inTurn(Math.max(1, bundle.entries.length), async () => {
      const result =
        bundle.type === 'batch'
          ? await this.#carryOutBatch(bundle, line, freshId)
          : await this.#carryOutTransaction(bundle, line, freshId);
      await this.#advance(line, this.#refusedLines(result, line));
    });
  }

  /** Resolves when all is stored. */
  end(): Promise<void> {
    return this.#pipeline.end();
  }

  #inTurn(weight: number, work: () => Promise<void>): Promise<void> {
    return this.#pipeline.add({
      weight,
      run: async (handedOver, earlier) => {
        handedOver();
        await earlier;
        if (this.#hasFailed) return;
        try {
          await work();
        } catch (error) {
          this.#hasFailed = true;
          throw error;
        }
      },
      done: () => undefined,
    });
  }

  async #store({ items, refusals, last }: LineBatch): Promise<void> {
    const waiting = new Map(refusals.map((one) => [one.line, one]));
    await commitEach<BatchItem<number>>(items, {
      commit: async (chunk) => {
        const upTo = chunk.at(-1)?.place ?? last;
        let next: ImportProgress | undefined;
        const context = this.#context(({ writes }) => {
          next = this.#after(upTo, writes, waiting);
          return next;
        });
        await storeBatch(chunk, context, (line, refusal) =>
          waiting.set(line, refusedItem(chunk, line, refusal)),
        );
        if (next !== undefined) await this.#committed(next, waiting);
      },
      refused: (item, refusal) => waiting.set(item.place, refusedWrite(item, refusal)),
    });
    await this.#advance(last, [...waiting.values()]);
  }

  async #carryOutTransaction(
    bundle: RequestBundle,
    line: number,
    freshId: () => string,
  ): Promise<PieceResult> {
    let next: ImportProgress | undefined;
    const context = (): Context => ({
      ...this.#context(({ writes }) => {
        next = this.#after(line, writes, new Map());
        return next;
      }),
      newId: freshId,
    });
    const place = { file: '', line };
    const result = await storeTransaction({ bundle, place, context, earlier: Promise.resolve() });
    if (next !== undefined && result.refusals.length === 0) await this.#committed(next, new Map());
    return result;
  }

  /** Its entries are commits of their own; those that are done again after a kill change nothing but versions. */
  async #carryOutBatch(bundle: RequestBundle, line: number, freshId: () => string): Promise<PieceResult> {
    const context = (): Context => this.#context(() => this.#progress);
    const place = { file: '', line };
    const result = await storeBatchBundle({ bundle, place, context, earlier: Promise.resolve() }, freshId);
    this.#progress = { ...this.#progress, stored: added(this.#progress.stored, result.stored) };
    return result;
  }

  #refusedLines({ refusals }: PieceResult, line: number): readonly RefusedLine[] {
    const issues = refusals
      .flatMap(({ reasons }) => reasons)
      .map((text): Issue => ({ severity: 'error', code: 'processing', text }));
    return issues.length === 0 ? [] : [{ line, text: errorLine(issues, `line ${line}`) }];
  }

  #context(progress: (commit: Commit) => ImportProgress): Context {
    const { spec, claim, bench } = this.#work;
    return askerContext(spec.asker, claim, bench, (commit) => writeImport(progress(commit)));
  }

  #after(upTo: number, writes: readonly Write[], waiting: ReadonlyMap<number, RefusedLine>): ImportProgress {
    const before = this.#progress;
    const types = writes.flatMap(({ kind, type }) => (kind === 'put' ? [type] : []));
    return {
      ...before,
      ...withLines(before, textsUpTo(upTo, waiting)),
      line: Math.max(before.line, upTo),
      stored: added(before.stored, counted(types)),
    };
  }

  async #committed(next: ImportProgress, waiting: Map<number, RefusedLine>): Promise<void> {
    this.#progress = next;
    this.#files.named();
    await this.#recordDenied([...waiting.values()].filter(({ line }) => line <= next.line));
    for (const line of [...waiting.keys()]) if (line <= next.line) waiting.delete(line);
  }

  /** Not durable before the next commit, or the part's end. */
  async #advance(upTo: number, refused: readonly RefusedLine[]): Promise<void> {
    this.#progress = this.#after(upTo, [], new Map(refused.map((one) => [one.line, one])));
    await this.#recordDenied(refused);
    if (isFull(this.#progress)) {
      this.#progress = { ...this.#progress, ...(await this.#files.written(this.#progress)) };
    }
  }

  async #recordDenied(refused: readonly RefusedLine[]): Promise<void> {
    const denied = refused.flatMap(({ denied }) => (denied === undefined ? [] : [denied]));
    if (denied.length === 0) return;
    const { audit } = this.#context(() => this.#progress);
    await Promise.all(
      denied.map(({ type, id, status }) =>
        audit?.record({ interaction: 'update', type, id }, 'refused', status),
      ),
    );
  }
}

function textsUpTo(line: number, waiting: ReadonlyMap<number, RefusedLine>): readonly string[] {
  return [...waiting.values()]
    .filter((one) => one.line <= line)
    .sort((a, b) => a.line - b.line)
    .map(({ text }) => text);
}

function refusedItem(items: readonly BatchItem<number>[], line: number, refusal: Refusal): RefusedLine {
  const item = items.find(({ place }) => place === line);
  return item === undefined
    ? { line, text: errorLine(refusal.issues, `line ${line}`) }
    : refusedWrite(item, refusal);
}

function refusedWrite({ place: line, write }: BatchItem<number>, refusal: Refusal): RefusedLine {
  const { type, id }: ResourceKey = write;
  const text = errorLine(refusal.issues, `line ${line}: ${type}/${id}`);
  const { status } = refusal;
  return status === 403 || status === 404 ? { line, text, denied: { type, id, status } } : { line, text };
}

function counted(types: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

function added(
  stored: ImportProgress['stored'],
  more: ReadonlyMap<string, number>,
): Readonly<Record<string, number>> {
  const sums: Record<string, number> = { ...stored };
  for (const [type, count] of more) sums[type] = (sums[type] ?? 0) + count;
  return sums;
}
