/**
 * The JSON documents in a file: one per line (NDJSON), or the whole file; gzipped or not.
 * https://hl7.org/fhir/R4/nd-json.html
 *
 * Invariant: of NDJSON no more than a line and a chunk is held in memory, whatever the size of the file.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { JsonValue } from '../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../fhir/format/parse.js';
import { type LoadFile, STANDARD_INPUT } from './load-inputs.js';

export interface LoadDocument {
  /** The line in NDJSON, 1 for a whole file. */
  readonly line: number;
  /** Bytes that it was written in. */
  readonly size: number;
  readonly content: JsonValue | UnreadableText;
}

/** How much of a source is taken, in bytes; what goes beyond makes it an UnreadableFile. */
export interface DocumentLimits {
  readonly line: number;
  /** Once it is unpacked. */
  readonly whole: number;
}

const UNLIMITED: DocumentLimits = { line: Number.POSITIVE_INFINITY, whole: Number.POSITIVE_INFINITY };

/** A document that is no JSON. */
export class UnreadableText {
  constructor(readonly reason: string) {}
}

/** The file can be read no further. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const GZIP_MAGIC = [0x1f, 0x8b] as const;
const NDJSON_NAME = /\.(?:ndjson|jsonl)(?:\.gz)?$/i;

/** By its name; other files may turn out to be. */
export function isNdjson({ name }: LoadFile): boolean {
  return NDJSON_NAME.test(name);
}

/** `from`: lines up to this one are skipped; `onBytes` hears how many bytes were read from disk. */
export function documents(
  file: LoadFile,
  standardInput: Readable,
  from: number,
  onBytes: (count: number) => void,
): AsyncGenerator<LoadDocument, void, undefined> {
  const raw = file.name === STANDARD_INPUT ? standardInput : createReadStream(file.name);
  return documentsIn(counted(raw, onBytes), from, isNdjson(file), UNLIMITED);
}

/** The same of bytes from anywhere. `isLines`: it is NDJSON for sure. */
export async function* documentsIn(
  chunks: AsyncGenerator<Buffer>,
  from: number,
  isLines: boolean,
  limits: DocumentLimits,
): AsyncGenerator<LoadDocument, void, undefined> {
  const lines = new ByteLines(bounded(unpacked(chunks), limits.whole), limits.line);
  try {
    yield* documentsOf(lines, from, isLines);
  } finally {
    await lines.end();
  }
}

async function* documentsOf(
  lines: ByteLines,
  from: number,
  isLines: boolean,
): AsyncGenerator<LoadDocument, void, undefined> {
  let isFirst = true;
  for (let line = 1; ; line++) {
    const bytes = await lines.next();
    if (bytes === undefined) return;
    const decides = isFirst && !isLines;
    if (isBlank(bytes) || (line <= from && !decides)) continue;
    isFirst = false;
    const content = read(withoutLineEnd(bytes));
    if (decides && content instanceof UnreadableText) {
      // The file is one document, which begins here.
      const whole = Buffer.concat([bytes, await lines.rest()]);
      if (line > from) yield { line, size: whole.length, content: read(whole) };
      return;
    }
    if (line > from) yield { line, size: bytes.length, content };
  }
}

async function* counted(
  chunks: AsyncIterable<Buffer>,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of chunks) {
      onBytes(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw new UnreadableFile(`it cannot be read (${codeOf(error)})`);
  }
}

/** A few bytes of gzip may be the beginning of very many. */
async function* bounded(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > most) throw new UnreadableFile(`it has more than ${most} bytes`);
    yield chunk;
  }
}

/** Gzip is known by its first bytes, not by its name. */
async function* unpacked(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const first = await chunks.next();
  if (first.done === true) return;
  const all = startingWith(first.value, chunks);
  if (!GZIP_MAGIC.every((byte, place) => first.value[place] === byte)) {
    yield* all;
    return;
  }
  const gunzip = createGunzip();
  const feeding = feed(all, gunzip);
  try {
    yield* gunzip;
  } catch (error) {
    if (error instanceof UnreadableFile) throw error;
    throw new UnreadableFile(`its gzip compression is damaged (${codeOf(error)})`);
  }
  await feeding;
}

async function* startingWith(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

/** Errors of the source arrive at the reader of `into`. */
async function feed(chunks: AsyncIterable<Buffer>, into: ReturnType<typeof createGunzip>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (into.destroyed) return;
      if (!into.write(chunk)) await new Promise<void>((resolve) => onceDrained(into, resolve));
    }
    into.end();
  } catch (error) {
    into.destroy(error instanceof Error ? error : new UnreadableFile('it cannot be read'));
  }
}

function onceDrained(stream: ReturnType<typeof createGunzip>, then: () => void): void {
  const done = (): void => {
    stream.off('drain', done).off('close', done);
    then();
  };
  stream.on('drain', done).on('close', done);
}

/** A file's lines, each with its line feed. */
class ByteLines {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #most: number;
  /** Read, but not given out yet. */
  #ahead: Buffer | undefined;

  /** `most`: bytes that a line may have. */
  constructor(chunks: AsyncIterable<Buffer>, most: number) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#most = most;
  }

  /** Undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let length = 0;
    for (;;) {
      const chunk = await this.#more();
      if (chunk === undefined) return pieces.length === 0 ? undefined : Buffer.concat(pieces);
      const end = chunk.indexOf(LINE_FEED) + 1;
      pieces.push(end === 0 ? chunk : chunk.subarray(0, end));
      length += end === 0 ? chunk.length : end;
      if (length > this.#most) throw new UnreadableFile(`it has a line of more than ${this.#most} bytes`);
      if (end === 0) continue;
      if (end < chunk.length) this.#ahead = chunk.subarray(end);
      return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    }
  }

  /** All that is left. */
  async rest(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (;;) {
      const chunk = await this.#more();
      if (chunk === undefined) return Buffer.concat(pieces);
      pieces.push(chunk);
    }
  }

  /** Nothing more is asked for: what is read from may be closed. */
  async end(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #more(): Promise<Buffer | undefined> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) return ahead;
    const { value, done } = await this.#chunks.next();
    return done === true ? undefined : value;
  }
}

/** So that an error at the end of a line is not told of the next one. */
function withoutLineEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === LINE_FEED || bytes[end - 1] === CARRIAGE_RETURN)) end--;
  return bytes.subarray(0, end);
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte <= 0x20);
}

function read(bytes: Buffer): JsonValue | UnreadableText {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    if (error instanceof JsonSyntaxError) return new UnreadableText(`it is not JSON: ${error.message}`);
    if (error instanceof TypeError) return new UnreadableText('it is not UTF-8');
    if (codeOf(error) === 'ERR_STRING_TOO_LONG') {
      return new UnreadableText('it is too large to be read in one piece: split it, or write it as NDJSON');
    }
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
