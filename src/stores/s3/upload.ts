/**
 * One blob on its way into a bucket: what is small by one request, all else as a multipart upload.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
 *
 *   write ──▶ part that fills ── full ──▶ a lane ──▶ PUT ?partNumber        few lanes for all uploads of a process
 *   close ──▶ the last part, and when all are there: POST ?uploadId         only now there is an object
 *
 * Invariant: memory holds one part that fills, and those in the lanes; who writes faster waits for a lane.
 */
import { createHash } from 'node:crypto';
import { Refusal } from '../../fhir/outcome.js';
import type { BlobFacts, BlobWriter } from '../../ports/blobs.js';
import { escaped, textIn } from './answers.js';
import { type Bucket, type BucketAnswer, refused, unusable } from './bucket.js';
import type { Lanes } from './lanes.js';

/** The least that S3 takes for a part that is not the last. */
export const PART_BYTES = 5 * 1024 * 1024;
const MOST_PARTS = 10_000;
const FIRST_CHUNK_BYTES = 64 * 1024;

export class Upload implements BlobWriter {
  readonly #hash = createHash('sha256');
  #chunk = Buffer.allocUnsafe(FIRST_CHUNK_BYTES);
  #filled = 0;
  #size = 0;
  #id: string | undefined;
  /** Their ETags, in order. */
  readonly #parts: Promise<string>[] = [];
  #failure: unknown;
  #isEnded = false;

  constructor(
    private readonly bucket: Bucket,
    private readonly key: string,
    private readonly lanes: Lanes,
  ) {}

  write(bytes: Buffer): Promise<void> | undefined {
    if (bytes.length > PART_BYTES - this.#filled) return this.#overflow(bytes);
    this.#take(bytes);
    return undefined;
  }

  async close(): Promise<BlobFacts> {
    const facts = { size: this.#size, sha256: this.#hash.digest('hex') };
    if (this.#id === undefined) await this.#putWhole();
    else {
      if (this.#filled > 0) await this.#sendPart();
      await this.#complete(this.#id);
    }
    this.#isEnded = true;
    return facts;
  }

  async abort(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    // A part that arrives after the upload was aborted would stay.
    await Promise.allSettled(this.#parts);
    if (this.#id !== undefined) await abortUpload(this.bucket, this.key, this.#id);
  }

  #take(bytes: Buffer): void {
    const needed = this.#filled + bytes.length;
    if (needed > this.#chunk.length) {
      const length = Math.min(PART_BYTES, Math.max(needed, 2 * this.#chunk.length));
      const larger = Buffer.allocUnsafe(length);
      this.#chunk.copy(larger, 0, 0, this.#filled);
      this.#chunk = larger;
    }
    bytes.copy(this.#chunk, this.#filled);
    this.#filled = needed;
    this.#size += bytes.length;
    this.#hash.update(bytes);
  }

  async #overflow(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + PART_BYTES - this.#filled);
      this.#take(piece);
      at += piece.length;
      if (this.#filled === PART_BYTES) await this.#sendPart();
    }
  }

  /** Resolves when the part has a lane. */
  async #sendPart(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isEnded) throw new Error('what is written to has ended');
    if (this.#parts.length >= MOST_PARTS)
      throw new Refusal(
        'unavailable',
        `A file for the bucket is longer than ${MOST_PARTS * PART_BYTES} bytes.`,
      );
    const body = this.#chunk.subarray(0, this.#filled);
    this.#chunk = Buffer.allocUnsafe(PART_BYTES);
    this.#filled = 0;
    this.#id ??= await this.#begin();
    const query = { partNumber: String(this.#parts.length + 1), uploadId: this.#id };
    const part = await this.lanes.enter(async () => {
      const answer = await this.bucket.ask({ method: 'PUT', key: this.key, query, body });
      return etagOf(answer);
    });
    part.sent.catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#parts.push(part.sent);
  }

  async #begin(): Promise<string> {
    const answer = await this.bucket.ask({ method: 'POST', key: this.key, query: { uploads: '' } });
    const id = answer.status === 200 ? textIn(answer.text, 'UploadId') : undefined;
    if (id === undefined) throw refused(answer);
    return id;
  }

  async #putWhole(): Promise<void> {
    const body = this.#chunk.subarray(0, this.#filled);
    const answer = await this.bucket.ask({ method: 'PUT', key: this.key, body });
    etagOf(answer);
  }

  async #complete(uploadId: string): Promise<void> {
    const etags = await Promise.all(this.#parts);
    const parts = etags.map(
      (etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`,
    );
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
    const answer = await this.bucket.ask({ method: 'POST', key: this.key, query: { uploadId }, body });
    if (answer.status === 200) return;
    if (answer.status === 404 && answer.again && (await this.#isThere())) return;
    throw refused(answer);
  }

  /** The answer of an earlier try was lost; what it did was not. */
  async #isThere(): Promise<boolean> {
    const { status, headers } = await this.bucket.ask({ method: 'HEAD', key: this.key });
    return status === 200 && Number(headers['content-length']) === this.#size;
  }
}

export async function abortUpload(bucket: Bucket, key: string, uploadId: string): Promise<void> {
  const answer = await bucket.ask({ method: 'DELETE', key, query: { uploadId } });
  if (answer.status !== 204 && answer.status !== 404) throw refused(answer);
}

function etagOf(answer: BucketAnswer): string {
  const { etag } = answer.headers;
  if (answer.status !== 200) throw refused(answer);
  if (etag === undefined) throw unusable('it does not say what it has stored (ETag)');
  return etag;
}
