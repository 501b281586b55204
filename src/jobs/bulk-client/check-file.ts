/**
 * Whether a file holds what the server said: so many resources of this type, one a line.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#file-request, http://ndjson.org
 *
 * Invariant: every line was parsed before a file is called right. A reason names the line and never repeats what is in it.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import type { ManifestFile } from './manifest.js';

const LINE_FEED = 0x0a;
const MOST_LINE_BYTES = 67_108_864;
const CHUNKS = { highWaterMark: 262_144 } as const;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

export type Checked =
  | { readonly kind: 'right'; readonly lines: number }
  | { readonly kind: 'wrong'; readonly reason: string };

/** Ends the look at the lines; the rest of the file is passed over. */
class WrongFile extends Error {
  override readonly name = 'WrongFile';
}

export interface CheckedFile {
  readonly path: string;
  readonly isCompressed: boolean;
  /** Where the bytes go uncompressed. */
  readonly plain?: string;
}

/** `each` is given every resource of a file that turns out to be right up to there. */
export async function checkFile(
  { path, isCompressed, plain }: CheckedFile,
  { type, count }: Pick<ManifestFile, 'type' | 'count'>,
  each: (resource: JsonObject) => void = () => undefined,
): Promise<Checked> {
  const lines = new Lines(type, each);
  const copy = plain === undefined ? undefined : await open(plain, 'w', 0o600);
  try {
    const unpacked = isCompressed ? createGunzip() : new PassThrough();
    await pipeline(createReadStream(path, CHUNKS), unpacked, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        lines.take(chunk);
        await copy?.appendFile(chunk);
      }
      lines.end();
    });
    await copy?.sync();
  } catch (error) {
    return { kind: 'wrong', reason: reasonOf(error) };
  } finally {
    await copy?.close();
  }
  if (lines.wrong !== undefined) return { kind: 'wrong', reason: lines.wrong };
  if (count !== undefined && count !== lines.count) {
    return { kind: 'wrong', reason: `holds ${lines.count} resources, and the server said ${count}` };
  }
  return { kind: 'right', lines: lines.count };
}

/** Some servers keep files compressed and do not say so. */
export async function looksCompressed(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.equals(GZIP_MAGIC);
  } finally {
    await handle.close();
  }
}

/** How many lines a file has that was checked before. */
export async function countLines(path: string): Promise<number> {
  let lines = 0;
  let isOpen = false;
  for await (const chunk of createReadStream(path, CHUNKS)) {
    const bytes = chunk as Buffer; // no encoding was set
    for (const byte of bytes) {
      if (byte === LINE_FEED) {
        if (isOpen) lines += 1;
        isOpen = false;
      } else if (byte > 0x20) isOpen = true;
    }
  }
  return isOpen ? lines + 1 : lines;
}

class Lines {
  count = 0;
  /** The first thing that is wrong; what comes after it is not looked at. */
  wrong: string | undefined;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #line = 0;
  #open: Buffer[] = [];
  #openLength = 0;

  constructor(
    private readonly type: string,
    private readonly each: (resource: JsonObject) => void,
  ) {}

  take(chunk: Buffer): void {
    this.#look(() => this.#split(chunk));
  }

  end(): void {
    this.#look(() => this.#close());
  }

  #look(work: () => void): void {
    if (this.wrong !== undefined) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof WrongFile)) throw error;
      this.wrong = error.message;
    }
  }

  #split(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#close();
      from = at + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  #keep(bytes: Buffer): void {
    this.#open.push(bytes);
    this.#openLength += bytes.length;
    if (this.#openLength > MOST_LINE_BYTES)
      throw new WrongFile(`line ${this.#line + 1} is longer than 64 MiB`);
  }

  #close(): void {
    const bytes = this.#open.length === 1 ? (this.#open[0] as Buffer) : Buffer.concat(this.#open); // one is there
    this.#open = [];
    this.#openLength = 0;
    this.#line += 1;
    const text = this.#text(bytes);
    if (text.trim() === '') return;
    const resource = this.#resource(text);
    if (!isObject(resource) || typeof resource.resourceType !== 'string') {
      throw new WrongFile(`line ${this.#line} is no resource`);
    }
    if (resource.resourceType !== this.type) {
      throw new WrongFile(`line ${this.#line} holds another type than ${this.type}`);
    }
    this.count += 1;
    this.each(resource);
  }

  #text(bytes: Buffer): string {
    try {
      return this.#decoder.decode(bytes);
    } catch {
      throw new WrongFile(`line ${this.#line} is not UTF-8`);
    }
  }

  #resource(text: string): JsonValue {
    try {
      return parseJson(text);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      throw new WrongFile(`line ${this.#line} is not JSON (column ${error.column})`);
    }
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('Z_')) return `its compression is broken (${code})`;
  throw error;
}
