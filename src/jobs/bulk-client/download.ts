/**
 * One file from the server to the disk, going on where it broke off.
 * https://www.rfc-editor.org/rfc/rfc9110#name-range-requests, https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-output-file-request
 *
 *   Patient.001.ndjson.part          the bytes as they came, compressed or not
 *   Patient.001.ndjson.part.json     the validator of what they are a part of
 *
 * Invariant: bytes are added only to bytes of the same representation: the server must have confirmed by a strong ETag that
 * it goes on where the part ends. Otherwise the file starts over.
 */
import { type FileHandle, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { serialise } from '../../fhir/format/serialise.js';
import { FetchError } from '../../net/fetch-error.js';
import type { Fetched } from '../../net/fetcher.js';
import { wordsOf } from './answer-words.js';
import type { ManifestFile } from './manifest.js';
import { askedWait, asksForPatience, isPassing, MOST_TRIES, ownWait, type Patience } from './patience.js';
import { ExportProblem } from './problem.js';
import type { Talk } from './talk.js';

/** No bound that any export reaches; the disk's own comes first. */
const MOST_BYTES = 2 ** 50;
const TIME_LIMIT_MILLISECONDS = 24 * 3_600_000;
const IDLE_LIMIT_MILLISECONDS = 60_000;
const STRONG_ETAG = /^"[\x21\x23-\x7e\x80-\xff]*"$/;

export interface DownloadParts {
  readonly talk: Talk;
  readonly patience: Patience;
  /** Called with bytes as they arrive, and with `undefined` where the file starts over. */
  readonly arrived: (bytes: Buffer | undefined) => void;
}

interface Part {
  readonly length: number;
  readonly etag: string | undefined;
  readonly coding: string;
}

const NOTHING: Part = { length: 0, etag: undefined, coding: 'identity' };

/** Undefined when all bytes are in `part`; otherwise why they cannot be had. */
export async function download(
  file: ManifestFile,
  part: string,
  parts: DownloadParts,
): Promise<string | undefined> {
  for (let failures = 0; ; ) {
    const before = await stateOf(part);
    const outcome = await attempt(file, part, before, parts);
    if (outcome.kind !== 'again') return outcome.reason;
    const after = await stateOf(part);
    // Starting over is no progress, however far it gets.
    failures = before.etag !== undefined && after.length > before.length ? 1 : failures + 1;
    if (failures >= MOST_TRIES) return outcome.reason;
    await parts.patience.pause(outcome.wait ?? ownWait(failures - 1, parts.patience));
  }
}

type Outcome =
  | { readonly kind: 'ended'; readonly reason: string | undefined }
  | { readonly kind: 'again'; readonly reason: string; readonly wait?: number | undefined };

async function attempt(
  file: ManifestFile,
  path: string,
  before: Part,
  { talk, patience, arrived }: DownloadParts,
): Promise<Outcome> {
  try {
    const answer = await ask(file, before, talk);
    if (answer.status === 200 || goesOn(answer, before)) {
      await store(answer, path, answer.status === 206 ? before : undefined, arrived);
      return { kind: 'ended', reason: undefined };
    }
    if (answer.status === 206 || answer.status === 416) {
      answer.discard();
      if (isWhole(answer, before)) return { kind: 'ended', reason: undefined };
      await forgetPart(path);
      return { kind: 'again', reason: 'the server goes on elsewhere than where it was asked to' };
    }
    const wait = askedWait(answer.headers['retry-after'], patience.clock);
    const { text } = await wordsOf(answer);
    return asksForPatience(answer.status)
      ? { kind: 'again', reason: text, wait }
      : { kind: 'ended', reason: text };
  } catch (error) {
    if (isPassing(error)) return { kind: 'again', reason: error.message };
    if (error instanceof FetchError || error instanceof ExportProblem)
      return { kind: 'ended', reason: error.message };
    throw error;
  }
}

function ask({ url, withToken }: ManifestFile, { length, etag }: Part, talk: Talk): Promise<Fetched> {
  const range: Record<string, string> =
    length > 0 && etag !== undefined ? { range: `bytes=${length}-`, 'if-range': etag } : {};
  return talk.ask({
    url,
    headers: { accept: 'application/fhir+ndjson', ...range },
    maxBytes: MOST_BYTES,
    timeLimit: TIME_LIMIT_MILLISECONDS,
    idleLimit: IDLE_LIMIT_MILLISECONDS,
    gzip: true,
    withToken,
  });
}

function goesOn({ status, headers }: Fetched, { length, etag, coding }: Part): boolean {
  const [, first] = /^bytes (\d+)-\d+\//.exec(headers['content-range'] ?? '') ?? [];
  return (
    status === 206 &&
    Number(first) === length &&
    (headers.etag ?? etag) === etag &&
    (headers['content-encoding'] ?? 'identity') === coding
  );
}

/** The part had ended just where the file does: nothing is left to send. */
function isWhole({ status, headers }: Fetched, { length, etag }: Part): boolean {
  return status === 416 && etag !== undefined && headers['content-range'] === `bytes */${length}`;
}

/** `before` undefined: from the beginning. */
async function store(
  answer: Fetched,
  path: string,
  before: Part | undefined,
  arrived: DownloadParts['arrived'],
): Promise<void> {
  if (before === undefined) {
    arrived(undefined);
    await beginPart(path, answer);
  }
  const handle = await open(path, 'r+');
  try {
    await write(answer, handle, before?.length ?? 0, arrived);
    await handle.sync();
  } finally {
    answer.discard();
    await handle.close();
  }
}

async function write(
  answer: Fetched,
  handle: FileHandle,
  from: number,
  arrived: DownloadParts['arrived'],
): Promise<void> {
  let at = from;
  for await (const bytes of answer.body) {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, at);
      written += bytesWritten;
      at += bytesWritten;
    }
    arrived(bytes);
  }
}

/** Empty first, so that no bytes are ever beside the validator of others. */
async function beginPart(path: string, { headers }: Fetched): Promise<void> {
  const { etag = '', 'content-encoding': coding = 'identity' } = headers;
  await writeFile(path, '', { mode: 0o600 });
  const validator = STRONG_ETAG.test(etag) ? { etag } : {};
  await writeFile(validatorFile(path), serialise({ ...validator, coding }), { mode: 0o600 });
}

async function stateOf(path: string): Promise<Part> {
  const length = (await absentOr(stat(path)))?.size ?? 0;
  const text = (await absentOr(readFile(validatorFile(path), 'utf8'))) ?? '';
  if (length === 0 || text === '') return NOTHING;
  try {
    const { etag, coding } = Object(parseJson(text)) as Record<string, unknown>; // each looked at below
    return {
      length,
      etag: typeof etag === 'string' ? etag : undefined,
      coding: typeof coding === 'string' ? coding : 'identity',
    };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return NOTHING; // written in half: the file starts over
    throw error;
  }
}

/** Whether the bytes of a part are compressed, as the server said. */
export async function isCompressed(path: string): Promise<boolean> {
  return (await stateOf(path)).coding === 'gzip';
}

export async function forgetPart(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(validatorFile(path), { force: true });
}

function validatorFile(path: string): string {
  return `${path}.json`;
}

async function absentOr<T>(found: Promise<T>): Promise<T | undefined> {
  return found.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
