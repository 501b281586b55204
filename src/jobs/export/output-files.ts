/**
 * The files of one part of an export: one per type and list, made when their first line comes, so that none is empty.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
 *
 * Invariant: a line is a resource; deletions are Bundles of so many entries.
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import { type Issue, operationOutcome } from '../../fhir/outcome.js';
import type { ExportFile } from '../../interactions/export/export-spec.js';
import type { ResourceKey } from '../../ports/backend.js';
import type { JobFileWriter, Workbench } from '../job-kind.js';

interface OpenFile {
  readonly list: ExportFile['list'];
  readonly type?: string;
  /** Of a file with several. */
  readonly types: Set<string>;
  readonly writer: JobFileWriter;
  count: number;
}

const LINE_END = Buffer.from('\n');
/** Entries of a Bundle of deletions. */
const DELETIONS = 1_000;

export class OutputFiles {
  readonly #bench: Workbench;
  readonly #open = new Map<string, OpenFile>();
  readonly #deleted = new Map<string, ResourceKey[]>();

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  /** At once where there is no promise. */
  resource(type: string, bytes: Buffer): Promise<void> | undefined {
    const file = this.#open.get(`output ${type}`);
    return file === undefined ? this.#first('output', type, bytes) : line(file, bytes);
  }

  async deletion(key: ResourceKey): Promise<void> {
    const waiting = this.#deleted.get(key.type) ?? [];
    this.#deleted.set(key.type, waiting);
    waiting.push(key);
    if (waiting.length >= DELETIONS) await this.#writeDeletions(key.type);
  }

  /** A line of the file that is organized by patients, in which types stand side by side. */
  async inRecord(type: string | undefined, bytes: Buffer): Promise<void> {
    const file = this.#open.get('output ');
    if (file === undefined) await this.#first('output', undefined, bytes);
    else await line(file, bytes);
    if (type !== undefined) this.#open.get('output ')?.types.add(type);
  }

  async note(issues: readonly Issue[]): Promise<void> {
    if (issues.length === 0) return;
    const bytes = Buffer.from(serialise(operationOutcome(issues)));
    await this.#first('error', undefined, bytes);
  }

  /** All that was written, durable when it resolves. */
  async close(): Promise<readonly ExportFile[]> {
    for (const type of this.#deleted.keys()) await this.#writeDeletions(type);
    const files: ExportFile[] = [];
    for (const { list, type, types, writer, count } of this.#open.values()) {
      const facts = await writer.close();
      const holds = type === undefined ? { types: [...types] } : { type };
      files.push({ list, ...holds, name: writer.name, count, ...facts });
    }
    this.#open.clear();
    return files;
  }

  /** Nothing is left of it. */
  async abandon(): Promise<void> {
    for (const { writer } of this.#open.values()) await writer.abort();
    this.#open.clear();
    this.#deleted.clear();
  }

  async #writeDeletions(type: string): Promise<void> {
    const keys = this.#deleted.get(type) ?? [];
    this.#deleted.delete(type);
    if (keys.length === 0) return;
    const bytes = Buffer.from(serialise(deletions(keys)));
    const file = this.#open.get(`deleted ${type}`);
    await (file === undefined ? this.#first('deleted', type, bytes) : line(file, bytes));
  }

  async #first(list: ExportFile['list'], type: string | undefined, bytes: Buffer): Promise<void> {
    const label = [list === 'output' && type !== undefined ? undefined : list, type]
      .filter((one) => one !== undefined)
      .join('-');
    const writer = await this.#bench.file(label);
    const file: OpenFile = {
      list,
      ...(type === undefined ? {} : { type }),
      types: new Set(),
      writer,
      count: 0,
    };
    this.#open.set(`${list} ${type ?? ''}`, file);
    await line(file, bytes);
  }
}

function line(file: OpenFile, bytes: Buffer): Promise<void> | undefined {
  file.count += 1;
  const written = file.writer.write(bytes);
  return written === undefined
    ? file.writer.write(LINE_END)
    : written.then(() => file.writer.write(LINE_END));
}

function deletions(keys: readonly ResourceKey[]): JsonObject {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: keys.map(({ type, id }) => ({ request: { method: 'DELETE', url: `${type}/${id}` } })),
  };
}
