/** A bucket keeps the promises of the Blobs port, also when it is ill for a while, and says so when it stays ill. */
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { GuardedFetcher } from '../../net/fetcher.js';
import { blobsContract } from '../../ports/blobs.contract.js';
import type { Blobs } from '../../ports/blobs.js';
import { type S3Place, s3Blobs } from './s3-blobs.js';
import { S3Simulator } from './testing.js';

const PART = 5 * 1024 * 1024;
const ANY_HOST = { plainHttp: true, hosts: ['*'], privateHosts: ['*'] };

let s3: S3Simulator;
let pauses: number[];

beforeEach(async () => {
  s3 = await S3Simulator.start();
  pauses = [];
});
afterEach(() => s3.stop());

function blobsOf(other: Partial<S3Place> = {}): Blobs {
  const { bucket, region, endpoint, credentials } = s3;
  const place = { bucket, region, endpoint, credentials, pathStyle: true, prefix: 'here/', ...other };
  const limits = { atOnce: 64, waiting: 64, failures: Number.MAX_SAFE_INTEGER, rest: 0 };
  const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
  const fetching = {
    policy: ANY_HOST,
    clock: systemClock,
    timeLimit: 10_000,
    random: () => 0.5,
    limits,
    resolve,
  };
  return s3Blobs(place, {
    fetcher: new GuardedFetcher(fetching),
    clock: systemClock,
    random: () => 0.5,
    pause: async (milliseconds) => {
      pauses.push(milliseconds);
    },
  });
}

async function write(blobs: Blobs, name: string, bytes: Buffer): Promise<string> {
  const writer = await blobs.create(name);
  for (let at = 0; at < bytes.length; at += 1_000_000) await writer.write(bytes.subarray(at, at + 1_000_000));
  return (await writer.close()).sha256;
}

async function read(blobs: Blobs, name: string, from: number, to: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of blobs.read(name, from, to)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('blobs in a bucket', () => {
  blobsContract(async () => blobsOf());
});

describe('a bucket', () => {
  it('is spoken to by its name in the host, or in the path', async () => {
    const virtual = blobsOf({ pathStyle: false, endpoint: `http://s3.test:${s3.port}` });
    await write(virtual, 'jobs/a/1', Buffer.from('x'));

    expect([...s3.objects.keys()]).toEqual(['here/jobs/a/1']);
    expect((await read(blobsOf(), 'jobs/a/1', 0, 1)).toString()).toBe('x');
  });

  it('is given large files in parts of five megabytes, two on their way at once, of all files', async () => {
    const blobs = blobsOf();
    const bytes = randomBytes(6 * PART + 7);

    await Promise.all(['a', 'b'].map((name) => write(blobs, name, bytes)));

    expect(s3.objects.get('here/a')?.bytes.equals(bytes)).toBe(true);
    expect(s3.countOf('UploadPart')).toBe(14);
    expect(s3.parts.most).toBe(2);
    expect(s3.uploads.size).toBe(0);
  });

  it('is given what is small by one request', async () => {
    await write(blobsOf(), 'a', randomBytes(PART));

    expect(s3.asked.map(({ operation }) => operation)).toEqual(['PutObject']);
  });

  it('keeps nothing of what was given up', async () => {
    const writer = await blobsOf().create('a');
    await writer.write(randomBytes(2 * PART + 1));
    await writer.abort();
    await writer.abort();

    expect(s3.uploads.size).toBe(0);
    expect(s3.objects.size).toBe(0);
  });

  it('is emptied of a folder page by page, and of nothing beside it', async () => {
    const blobs = blobsOf();
    for (const name of ['jobs/a/1', 'jobs/a/2', 'jobs/a/3', 'jobs/a/4', 'jobs/a/5', 'jobs/ab/1']) {
      await write(blobs, name, Buffer.from('x'));
    }
    for (let at = 0; at < 3; at++) await (await blobs.create(`jobs/a/u${at}`)).write(randomBytes(PART + 1));

    await blobs.removeFolder('jobs/a');

    expect([...s3.objects.keys()]).toEqual(['here/jobs/ab/1']);
    expect(s3.uploads.size).toBe(0);
    expect(s3.countOf('DeleteObjects')).toBe(3);
    expect(s3.countOf('ListMultipartUploads')).toBe(2);
  });
});

describe('a bucket that is ill for a while', () => {
  it.each([
    ['slow-down', 'UploadPart'],
    ['error', 'UploadPart'],
    ['cut', 'UploadPart'],
    ['lost', 'UploadPart'],
    ['slow-down', 'CreateMultipartUpload'],
    ['lost', 'CreateMultipartUpload'],
    ['error', 'CompleteMultipartUpload'],
    ['complete-error', 'CompleteMultipartUpload'],
    ['lost', 'CompleteMultipartUpload'],
  ] as const)('(%s at %s) gets the whole file', async (trouble, operation) => {
    const bytes = randomBytes(2 * PART + 3);
    s3.misbehave(trouble, operation);

    const sha256 = await write(blobsOf(), 'a', bytes);

    expect(s3.objects.get('here/a')?.bytes.equals(bytes)).toBe(true);
    expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    // An answer before the end of a part breaks the connection; whether the next try hears of that is a matter of chance.
    expect(pauses.length).toBeGreaterThan(0);
  });

  it('is read on from where it broke off', async () => {
    const bytes = randomBytes(300_000);
    const blobs = blobsOf();
    await write(blobs, 'a', bytes);
    s3.misbehave('half', 'GetObject', 3);

    expect((await read(blobs, 'a', 10, 299_990)).equals(bytes.subarray(10, 299_990))).toBe(true);
    expect(s3.countOf('GetObject')).toBe(4);
  });

  it('is not read on where another object has taken the place', async () => {
    const blobs = blobsOf();
    await write(blobs, 'a', randomBytes(300_000));
    s3.misbehave('half', 'GetObject');
    const chunks = blobs.read('a', 0, 300_000)[Symbol.asyncIterator]();
    await chunks.next();
    await write(blobs, 'a', randomBytes(300_000));

    const rest = async (): Promise<void> => {
      while ((await chunks.next()).done !== true);
    };
    await expect(rest()).rejects.toThrow('412');
  });
});

describe('a bucket that stays ill', () => {
  it.each([
    ['slow-down', 'status 503 after 5 tries'],
    ['error', /status 500 after 5 tries|broke off/],
    ['cut', /127\.0\.0\.1 cannot be reached or broke off/],
  ] as const)('(%s) is told of after five tries, each later', async (trouble, text) => {
    s3.misbehave(trouble, 'UploadPart', Number.POSITIVE_INFINITY);
    const writer = await blobsOf().create('a');
    await writer.write(randomBytes(PART + 1));

    const closed = writer.close();

    await expect(closed).rejects.toMatchObject({ kind: 'unavailable', status: 503 });
    await expect(closed).rejects.toThrow(text);
    await writer.abort();
    expect(s3.uploads.size).toBe(0);
    expect(pauses.filter((pause) => pause === 150)).toHaveLength(2); // two parts, first pauses
    expect(Math.max(...pauses)).toBe(1_200);
  });

  it('fails the next write, so that nobody writes on for nothing', async () => {
    s3.misbehave('slow-down', 'UploadPart', Number.POSITIVE_INFINITY);
    const writer = await blobsOf().create('a');
    const all = async (): Promise<void> => {
      for (let parts = 0; parts < 100; parts++) await writer.write(randomBytes(PART));
    };

    await expect(all()).rejects.toThrow('503');
    expect(s3.countOf('UploadPart')).toBeLessThan(30);
  });

  it('that breaks off without a byte is not asked for ever', async () => {
    const blobs = blobsOf();
    await write(blobs, 'a', Buffer.from('x'));
    s3.misbehave('half', 'GetObject', Number.POSITIVE_INFINITY);

    await expect(read(blobs, 'a', 0, 1)).rejects.toThrow('it broke off 5 times');
  });
});

describe('a bucket that refuses', () => {
  const other = (change: Partial<S3Place['credentials']>) => ({
    credentials: { ...s3.credentials, ...change },
  });

  it.each<[string, () => Partial<S3Place>, string]>([
    ['a bucket that is not there', () => ({ bucket: 'others' }), 'check FAIRWAY_FILES'],
    ['another region', () => ({ region: 'us-east-1' }), 'set FAIRWAY_S3_REGION'],
    ['a key that is not known', () => other({ accessKeyId: 'x' }), 'check AWS_ACCESS_KEY_ID'],
    ['a wrong secret', () => other({ secretAccessKey: 'x' }), 'check AWS_SECRET_ACCESS_KEY'],
    ['a wrong token', () => other({ sessionToken: 'x' }), 'check AWS_SESSION_TOKEN'],
  ])('%s is told with the way out, at once and without secrets', async (_case, change, text) => {
    const blobs = blobsOf(change());

    const refusal = await write(blobs, 'a', Buffer.from('x')).catch((error: unknown) => error);

    expect(refusal).toMatchObject({ kind: 'unavailable', message: expect.stringContaining(text) });
    expect(String(refusal)).not.toMatch(/AKTEST|secret\/of/);
    expect(pauses).toEqual([]);
  });
});
