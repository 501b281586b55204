/**
 * Writes a generated population into a folder: NDJSON, one file per resource type, or one transaction bundle per
 * patient; gzipped or not.
 *
 * Invariant: memory does not grow with the population: a file's lines are handed to its stream in pieces, and the
 * generator waits while a disk is slower than it.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import { bundles } from '../demo/bundles.js';
import { type PopulationOptions, population } from '../demo/population.js';
import { serialise } from '../fhir/format/serialise.js';

/** Resources written, by type. */
export type Counts = ReadonlyMap<string, number>;

export interface FileOptions {
  readonly gzip: boolean;
  /** Told about every patient that is complete, with the number of resources so far. */
  readonly onPatient: (patients: number, resources: number) => void;
}

/** Bytes that are gathered before they are handed to a stream. */
const PIECE = 64 * 1024;
const LEVEL = { level: 6 };

export async function writeNdjson(
  options: PopulationOptions,
  folder: string,
  { gzip: packed, onPatient }: FileOptions,
): Promise<Counts> {
  const files = new Map<string, TypeFile>();
  const counts = new Map<string, number>();
  let patients = 0;
  let resources = 0;
  for (const resource of population(options)) {
    const type = resource.resourceType;
    let file = files.get(type);
    if (file === undefined) {
      file = new TypeFile(join(folder, `${type}.ndjson${packed ? '.gz' : ''}`), packed);
      files.set(type, file);
    }
    file.add(`${serialise(resource)}\n`);
    if (file.full) await file.flush();
    resources++;
    counts.set(type, (counts.get(type) ?? 0) + 1);
    // A patient's records end with their Provenance.
    if (type === 'Provenance') onPatient(++patients, resources);
  }
  for (const file of files.values()) await file.close();
  return counts;
}

export async function writeBundles(
  options: PopulationOptions,
  folder: string,
  { gzip: packed, onPatient }: FileOptions,
): Promise<Counts> {
  const pack = promisify(gzip);
  const counts = new Map<string, number>();
  let patients = 0;
  let resources = 0;
  for (const { name, bundle, types } of bundles(options)) {
    const text = serialise(bundle);
    const bytes = packed ? await pack(text, LEVEL) : text;
    await writeFile(join(folder, `${name}.json${packed ? '.gz' : ''}`), bytes);
    for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1);
    resources += types.length;
    if (types[0] === 'Patient') onPatient(++patients, resources);
  }
  return counts;
}

/** One NDJSON file that is being written. */
class TypeFile {
  private pending: Buffer[] = [];
  private size = 0;
  private readonly head: Writable;
  private readonly done: Promise<void>;
  private failure: unknown;

  constructor(path: string, packed: boolean) {
    const file = createWriteStream(path);
    if (packed) {
      const gzip = createGzip(LEVEL);
      this.head = gzip;
      this.done = pipeline(gzip, file);
    } else {
      this.head = file;
      this.done = finished(file);
    }
    // A failure is met where the file is flushed or closed; until then it only has to be kept.
    this.done.catch((reason: unknown) => {
      this.failure = reason;
    });
  }

  /** Made bytes at once: one long text of thousands of pieces made the whole run 40 % slower. */
  add(line: string): void {
    const bytes = Buffer.from(line, 'utf8');
    this.pending.push(bytes);
    this.size += bytes.length;
  }

  get full(): boolean {
    return this.size >= PIECE;
  }

  async flush(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    if (!this.head.write(this.take())) await Promise.race([once(this.head, 'drain'), this.done]);
  }

  async close(): Promise<void> {
    if (this.failure === undefined) this.head.end(this.take());
    await this.done;
  }

  private take(): Buffer {
    const bytes = Buffer.concat(this.pending, this.size);
    this.pending = [];
    this.size = 0;
    return bytes;
  }
}
