/**
 * The bytes of an input: fetched from its URL, or read from the file that the kick-off or a pull left.
 *
 * Invariant: what is fetched passes the guarded fetcher; a server that stops sending is left. The words of a problem name
 * the host at most.
 */
import { createReadStream } from 'node:fs';
import type { ImportInput } from '../../interactions/import/import-spec.js';
import { FetchError, type FetchErrorKind } from '../../net/fetch-error.js';
import type { Fetched } from '../../net/fetcher.js';
import type { Workbench } from '../job-kind.js';
import { UnreadableFile } from '../load-documents.js';

export interface InputSource {
  readonly chunks: AsyncGenerator<Buffer>;
  /** As it is sent; absent where that is not known. */
  readonly length?: number;
  readonly etag?: string;
}

/** It may be there another time. */
export class BrokenOff extends UnreadableFile {}

const ACCEPT =
  'application/fhir+ndjson, application/ndjson, application/x-ndjson, application/fhir+json, */*;q=0.1';
/** Milliseconds without a byte. */
const STALLED = 60_000;
const PASSING: ReadonlySet<FetchErrorKind> = new Set(['failed', 'busy', 'resting']);
const OK = 200;
const CHUNK_BYTES = 1024 * 1024;

/** Throws UnreadableFile, and BrokenOff where it may be tried again. */
export async function openInput(input: ImportInput, job: string, bench: Workbench): Promise<InputSource> {
  if (input.kind === 'body') {
    const chunks = bench.parts.jobs.blobs.read(`jobs/${job}/${input.name}`, 0, input.size);
    return { chunks: generated(chunks), length: input.size };
  }
  if (input.kind === 'file') {
    const chunks = createReadStream(input.path, { highWaterMark: CHUNK_BYTES });
    return { chunks: generated(chunks), length: input.size };
  }
  try {
    return await fetched(input, bench);
  } catch (error) {
    throw unreadable(error);
  }
}

async function fetched(
  { url, etag: wanted }: ImportInput & { readonly kind: 'url' },
  { fetcher, settings }: Workbench,
): Promise<InputSource> {
  const answer = await fetcher.fetch({
    url,
    headers: { accept: ACCEPT },
    maxBytes: settings.fileLimit,
    timeLimit: settings.fileTimeLimit,
    gzip: true,
  });
  const { etag, 'content-length': length } = answer.headers;
  if (answer.status !== OK) {
    answer.discard();
    throw new UnreadableFile(`its server answered with the status ${answer.status}`);
  }
  if (wanted !== undefined && !isSame(wanted, etag)) {
    answer.discard();
    throw new UnreadableFile('its ETag is not the one that the kick-off names');
  }
  return {
    chunks: steady(answer),
    ...(length === undefined ? {} : { length: Number(length) }),
    ...(etag === undefined ? {} : { etag }),
  };
}

/** Whoever gives the ETag may leave its quotes and its weakness away. */
export function isSame(wanted: string, found: string | undefined): boolean {
  return found !== undefined && bare(wanted) === bare(found);
}

function bare(etag: string): string {
  return etag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
}

async function* generated(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}

/** The time that counts is the sender's: while nothing is asked for, nothing can come. */
async function* steady(answer: Fetched): AsyncGenerator<Buffer> {
  const chunks = answer.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { value, done } = await inTime(chunks.next());
      if (done === true) return;
      yield value;
    }
  } catch (error) {
    throw unreadable(error);
  } finally {
    answer.discard();
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new BrokenOff(`its server sent nothing for ${STALLED / 1000} seconds`)),
      STALLED,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function unreadable(error: unknown): unknown {
  if (!(error instanceof FetchError)) return error;
  const text = error.message.replace(/\.$/, '');
  return PASSING.has(error.kind) ? new BrokenOff(text) : new UnreadableFile(text);
}
