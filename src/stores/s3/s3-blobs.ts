/**
 * Blobs as objects of an S3-compatible bucket.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html
 *
 * Invariant: an object is there when its upload was completed and not before; uploads that nobody completed are found by
 * what the bucket lists, and aborted.
 */
import { createHash } from 'node:crypto';
import { assert } from '../../base/assert.js';
import { FetchError } from '../../net/fetch-error.js';
import { BLOB_NAME, type Blobs } from '../../ports/blobs.js';
import { elementsIn, escaped, textIn } from './answers.js';
import { Bucket, type BucketParts, type BucketPlace, refused, unusable } from './bucket.js';
import { Lanes } from './lanes.js';
import { abortUpload, Upload } from './upload.js';

export interface S3Place extends BucketPlace {
  /** Before all names: empty, or with a slash at its end. */
  readonly prefix: string;
}

/** Parts on their way at once, of all that is written. */
const LANES = 2;
/** How often a body may break off without having brought anything. */
const MOST_BREAKS = 5;
const PARTIAL = 206;

export function s3Blobs(place: S3Place, parts: BucketParts): Blobs {
  const bucket = new Bucket(place, parts);
  const lanes = new Lanes(LANES);
  const keyOf = (name: string): string => {
    assert(BLOB_NAME.test(name), 'names of blobs are paths of plain segments');
    return `${place.prefix}${name}`;
  };
  return {
    create: async (name) => new Upload(bucket, keyOf(name), lanes),
    size: async (name) => {
      const answer = await bucket.ask({ method: 'HEAD', key: keyOf(name) });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw refused(answer);
      return Number(answer.headers['content-length']);
    },
    read: (name, from, to) => readRange(bucket, keyOf(name), from, to),
    remove: async (name) => {
      const answer = await bucket.ask({ method: 'DELETE', key: keyOf(name) });
      if (answer.status !== 204 && answer.status !== 404) throw refused(answer);
    },
    removeFolder: async (name) => {
      const prefix = `${keyOf(name)}/`;
      await abortUploads(bucket, prefix, Number.POSITIVE_INFINITY);
      for await (const keys of objectsBelow(bucket, prefix)) await removeAll(bucket, keys);
    },
    sweep: (folder, before) => abortUploads(bucket, `${keyOf(folder)}/`, before),
  };
}

/** What breaks off goes on where it ended, as long as it is the same object. */
async function* readRange(bucket: Bucket, key: string, from: number, to: number): AsyncGenerator<Buffer> {
  let at = from;
  let etag: string | undefined;
  for (let breaks = 0; at < to; ) {
    const condition = etag === undefined ? {} : { 'if-match': etag };
    const headers = { range: `bytes=${at}-${to - 1}`, ...condition };
    const answer = await bucket.open({ method: 'GET', key, headers }, to - at);
    if (answer.status !== PARTIAL || !isRange(answer.headers['content-range'], at, to)) {
      const { status } = answer;
      throw refused({ status, text: status === PARTIAL ? '' : (await answer.bytes()).toString() });
    }
    etag = answer.headers.etag;
    const begun = at;
    try {
      for await (const chunk of answer.body) {
        at += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
    }
    breaks = at > begun ? 0 : breaks + 1;
    if (breaks >= MOST_BREAKS) throw unusable(`it broke off ${MOST_BREAKS} times without a byte`);
  }
}

function isRange(text: string | undefined, from: number, to: number): boolean {
  return text?.startsWith(`bytes ${from}-${to - 1}/`) === true;
}

/** A page of keys at a time. */
async function* objectsBelow(bucket: Bucket, prefix: string): AsyncGenerator<readonly string[]> {
  let token: string | undefined;
  do {
    const query = {
      'list-type': '2',
      prefix,
      ...(token === undefined ? {} : { 'continuation-token': token }),
    };
    const answer = await bucket.ask({ method: 'GET', query });
    if (answer.status !== 200) throw refused(answer);
    const keys = elementsIn(answer.text, 'Contents').map((entry) => wanted(entry, 'Key'));
    if (keys.length > 0) yield keys;
    token = textIn(answer.text, 'NextContinuationToken');
  } while (token !== undefined);
}

async function removeAll(bucket: Bucket, keys: readonly string[]): Promise<void> {
  const objects = keys.map((key) => `<Object><Key>${escaped(key)}</Key></Object>`);
  const body = Buffer.from(`<Delete><Quiet>true</Quiet>${objects.join('')}</Delete>`);
  const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
  const answer = await bucket.ask({ method: 'POST', query: { delete: '' }, headers, body });
  // What went well is not listed.
  if (answer.status !== 200 || answer.text.includes('<Error>')) throw refused(answer);
}

/** `before`: milliseconds since 1970. */
async function abortUploads(bucket: Bucket, prefix: string, before: number): Promise<void> {
  let marker: Readonly<Record<string, string>> | undefined = {};
  while (marker !== undefined) {
    const answer = await bucket.ask({ method: 'GET', query: { uploads: '', prefix, ...marker } });
    if (answer.status !== 200) throw refused(answer);
    for (const upload of elementsIn(answer.text, 'Upload')) {
      if (Date.parse(wanted(upload, 'Initiated')) >= before) continue;
      await abortUpload(bucket, wanted(upload, 'Key'), wanted(upload, 'UploadId'));
    }
    marker = nextUploads(answer.text);
  }
}

function nextUploads(text: string): Readonly<Record<string, string>> | undefined {
  if (textIn(text, 'IsTruncated') !== 'true') return undefined;
  return {
    'key-marker': wanted(text, 'NextKeyMarker'),
    'upload-id-marker': wanted(text, 'NextUploadIdMarker'),
  };
}

function wanted(xml: string, name: string): string {
  const text = textIn(xml, name);
  if (text === undefined) throw unusable(`a list of its has no ${name}`);
  return text;
}
