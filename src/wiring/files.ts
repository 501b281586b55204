/**
 * Where the files of jobs lie: in a folder, or in a bucket, whose code is loaded when one is configured.
 *
 * Invariant: the bucket's host is reached because the operator named it, be its address private or not; nothing that it leads
 * to is followed.
 */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../base/clock.js';
import { bucketOf, type Config } from '../config.js';
import { GuardedFetcher } from '../net/fetcher.js';
import type { Blobs } from '../ports/blobs.js';
import type { S3Place } from '../stores/s3/s3-blobs.js';
import { makeFolder } from './data-folder.js';

type FileSettings = Pick<Config, 'dataDir' | 'files' | (`s3${string}` & keyof Config)>;

const TIME_LIMIT_MILLISECONDS = 120_000;

export async function openFiles(config: FileSettings): Promise<Blobs> {
  const place = bucketPlace(config);
  if (place === undefined) {
    const folder = config.files ?? config.dataDir;
    makeFolder(folder, config.files === undefined ? 'FAIRWAY_DATA_DIR' : 'FAIRWAY_FILES');
    const { folderBlobs } = await import('../stores/folder/folder-blobs.js');
    return folderBlobs(folder);
  }
  const { s3Blobs } = await import('../stores/s3/s3-blobs.js');
  const { hostname } = new URL(place.endpoint);
  const host = hostname.replace(/^\[|\]$/g, '');
  const fetcher = new GuardedFetcher({
    policy: {
      plainHttp: place.endpoint.startsWith('http:'),
      hosts: [],
      privateHosts: place.pathStyle ? [host] : [`*.${host}`],
    },
    clock: systemClock,
    timeLimit: TIME_LIMIT_MILLISECONDS,
    random: Math.random,
    // As many as clients ask for files at once; the bucket says itself when that is too much.
    limits: { atOnce: 256, waiting: 4_096, failures: Number.MAX_SAFE_INTEGER, rest: 0 },
  });
  return s3Blobs(place, { fetcher, clock: systemClock, random: Math.random, pause });
}

function bucketPlace(config: FileSettings): S3Place | undefined {
  const found = config.files === undefined ? undefined : bucketOf(config.files);
  const {
    s3AccessKeyId: accessKeyId,
    s3SecretAccessKey: secretAccessKey,
    s3SessionToken: sessionToken,
  } = config;
  if (found === undefined || accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const { s3Region: region, s3Endpoint, s3PathStyle } = config;
  return {
    ...found,
    region,
    endpoint: s3Endpoint ?? `https://s3.${region}.amazonaws.com`,
    pathStyle: s3PathStyle === 'on' || (s3PathStyle === 'auto' && s3Endpoint !== undefined),
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  };
}

/** For `fairway doctor`: writes, reads and removes something small. */
export async function tryFiles(config: FileSettings): Promise<string> {
  const blobs = await openFiles(config);
  const name = `doctor-${randomUUID()}`;
  const text = Buffer.from('Written by fairway doctor; it may be removed.\n');
  const writer = await blobs.create(name);
  await writer.write(text);
  await writer.close();
  const pieces: Buffer[] = [];
  for await (const piece of blobs.read(name, 0, text.length)) pieces.push(piece);
  await blobs.remove(name);
  if (!Buffer.concat(pieces).equals(text))
    throw new Error('What was written was read back as something else.');
  return `${bucketPlace(config) === undefined ? resolve(config.files ?? config.dataDir) : config.files} can be written, read and removed from`;
}
