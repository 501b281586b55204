/**
 * All files of an export, several at a time, each checked before it gets its name.
 *
 *   x.ndjson.part ──▶ checked ──▶ x.ndjson
 *                        └──▶ x.ndjson.wrong, where a second download is no better
 *
 * Invariant: under a name without ending there is only what was checked; such a file is not fetched again.
 */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type JsonObject } from '../../fhir/format/json.js';
import { issueWords } from './answer-words.js';
import { type Checked, checkFile, countLines, looksCompressed } from './check-file.js';
import { download, forgetPart, isCompressed } from './download.js';
import type { NamedFile } from './manifest.js';
import type { Patience } from './patience.js';
import type { ExportListener, MissingFile } from './report.js';
import { syncFolder } from './state.js';
import type { Talk } from './talk.js';

const LINE_FEED = 0x0a;
/** A file that does not hold what it should is fetched once more. */
const MOST_DOWNLOADS = 2;
const ERRORS_TOLD = 20;

export interface Harvest {
  readonly resources: Map<string, number>;
  deleted: number;
  readonly missing: MissingFile[];
  readonly serverErrors: string[];
  serverErrorCount: number;
}

export interface HarvestParts {
  readonly talk: Talk;
  readonly patience: Patience;
  /** Files under way at once. */
  readonly parallel: number;
  readonly listener: ExportListener;
}

export async function harvest(
  folder: string,
  files: readonly NamedFile[],
  parts: HarvestParts,
): Promise<Harvest> {
  const harvester = new Harvester(folder, parts);
  const waiting = files.values();
  const lane = async (): Promise<void> => {
    for (const file of waiting) await harvester.fetch(file);
  };
  const lanes = await Promise.allSettled(Array.from({ length: parts.parallel }, lane));
  for (const each of lanes) if (each.status === 'rejected') throw each.reason;
  syncFolder(folder);
  return harvester.harvest;
}

class Harvester {
  readonly harvest: Harvest = {
    resources: new Map(),
    deleted: 0,
    missing: [],
    serverErrors: [],
    serverErrorCount: 0,
  };
  #filesDone = 0;
  #resourcesSeen = 0;

  constructor(
    private readonly folder: string,
    private readonly parts: HarvestParts,
  ) {}

  async fetch(file: NamedFile): Promise<void> {
    const path = join(this.folder, file.name);
    const result = existsSync(path) ? await this.#known(file, path) : await this.#fresh(file, path);
    if (result.kind === 'wrong') this.harvest.missing.push({ name: file.name, reason: result.reason });
    else if (file.kind === 'output') {
      this.harvest.resources.set(file.type, (this.harvest.resources.get(file.type) ?? 0) + result.lines);
    }
    this.#filesDone += 1;
    this.#tell();
  }

  /** Of an earlier run. */
  async #known(file: NamedFile, path: string): Promise<Checked> {
    if (file.kind === 'output') {
      const lines = await countLines(path);
      this.#saw(lines);
      return { kind: 'right', lines };
    }
    return this.#look(file, { path, isCompressed: false });
  }

  async #fresh(file: NamedFile, path: string): Promise<Checked> {
    for (let downloads = 1; ; downloads++) {
      const result = await this.#fetchOnce(file, path);
      if (result.kind === 'right' || result.isFinal || downloads >= MOST_DOWNLOADS) return result;
    }
  }

  async #fetchOnce(file: NamedFile, path: string): Promise<Checked & { readonly isFinal?: boolean }> {
    const part = `${path}.part`;
    const meter = new LineMeter((lines) => this.#saw(lines));
    const reason = await download(file, part, {
      ...this.parts,
      arrived: (bytes) => (bytes === undefined ? meter.reset() : meter.take(bytes)),
    });
    if (reason !== undefined)
      return { kind: 'wrong', reason: `could not be fetched: ${reason}`, isFinal: true };
    const compressed = (await isCompressed(part)) || (await looksCompressed(part));
    const plain = compressed ? `${part}.plain` : part;
    const look = { path: part, isCompressed: compressed, ...(compressed ? { plain } : {}) };
    const result = await this.#look(file, look);
    meter.settle(result.kind === 'right' ? result.lines : 0);
    await rename(plain, result.kind === 'right' ? path : `${path}.wrong`);
    if (result.kind === 'right') await rm(`${path}.wrong`, { force: true });
    await forgetPart(part);
    return result;
  }

  /** Checks a file, and takes from it what is told at the end. */
  async #look(file: NamedFile, look: Parameters<typeof checkFile>[0]): Promise<Checked> {
    const errors: string[] = [];
    let deleted = 0;
    const result = await checkFile(look, file, (resource) => {
      if (file.kind === 'error') errors.push(...errorWords(resource));
      if (file.kind === 'deleted') deleted += deletedBy(resource);
    });
    if (result.kind === 'wrong') return result;
    this.harvest.deleted += deleted;
    this.harvest.serverErrorCount += errors.length;
    this.harvest.serverErrors.push(...errors.slice(0, ERRORS_TOLD - this.harvest.serverErrors.length));
    return result;
  }

  #saw(lines: number): void {
    this.#resourcesSeen += lines;
    this.#tell();
  }

  #tell(): void {
    this.parts.listener.progress({ files: this.#filesDone, resources: this.#resourcesSeen });
  }
}

/** Counts lines as they arrive, where they are not compressed; corrected by what was found in the end. */
class LineMeter {
  #told = 0;

  constructor(private readonly tell: (more: number) => void) {}

  take(bytes: Buffer): void {
    let more = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) more += 1;
    this.#told += more;
    this.tell(more);
  }

  reset(): void {
    this.settle(0);
  }

  settle(lines: number): void {
    this.tell(lines - this.#told);
    this.#told = lines;
  }
}

/** Warnings and remarks are in the file; what kept something from being exported is told. */
function errorWords(outcome: JsonObject): readonly string[] {
  const bad = issueWords(outcome).filter(({ severity }) => severity === 'error' || severity === 'fatal');
  return bad.map(({ text }) => text);
}

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status: `deleted` */
function deletedBy({ entry }: JsonObject): number {
  const requests = (Array.isArray(entry) ? entry : []).filter(isObject).map(({ request }) => request);
  return requests.filter((request) => isObject(request) && request.method === 'DELETE').length;
}
