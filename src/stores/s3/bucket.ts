/**
 * Requests to an S3-compatible bucket: signed, sent, and sent again while the bucket asks for patience.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 *
 * Invariants: all requests may be repeated, and are, so often and no more; what is left then is a refusal in words for people,
 * without keys and without the bucket's name.
 */
import type { Clock } from '../../base/clock.js';
import { Refusal } from '../../fhir/outcome.js';
import { FetchError } from '../../net/fetch-error.js';
import type { Fetched, Fetcher } from '../../net/fetcher.js';
import { textIn } from './answers.js';
import { type BucketCredentials, queryText, signed } from './signature.js';

export interface BucketPlace {
  readonly bucket: string;
  /** `https://s3.example.org`, without a path. */
  readonly endpoint: string;
  readonly region: string;
  /** The bucket is the first part of the path; else of the host's name. */
  readonly pathStyle: boolean;
  readonly credentials: BucketCredentials;
}

export interface BucketParts {
  readonly fetcher: Fetcher;
  readonly clock: Clock;
  readonly pause: (milliseconds: number) => Promise<void>;
  /** From 0 to 1: spreads what would come back at once. */
  readonly random: () => number;
}

export interface BucketRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface BucketAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** It is not the answer to the first try: an earlier one may have worked, unheard. */
  readonly again: boolean;
}

const MOST_TRIES = 5;
const FIRST_PAUSE_MILLISECONDS = 200;
const LONGEST_PAUSE_MILLISECONDS = 5_000;
const TIME_LIMIT_MILLISECONDS = 120_000;
/** A thousand keys of a thousand characters, and what stands around them. */
const MOST_TEXT_BYTES = 4 * 1024 * 1024;
/** Of one object, read by whoever is slow. */
const READING_MILLISECONDS = 24 * 3_600_000;
const SILENCE_MILLISECONDS = 60_000;
const FAILED_AFTER_ALL = /^\s*(?:<\?xml[^>]*>\s*)?<Error>/;
const TRY_AGAIN: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const PASSING: ReadonlySet<FetchError['kind']> = new Set<FetchError['kind']>([
  'failed',
  'timed-out',
  'busy',
  'resting',
]);
/** What S3 calls it, and what to do. */
const CAUSES: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket: check FAIRWAY_FILES and FAIRWAY_S3_ENDPOINT',
  AccessDenied:
    'its key may not do that: it must be allowed to read, write, delete and list objects, and to list and abort uploads',
  InvalidAccessKeyId: 'its key is not known there: check AWS_ACCESS_KEY_ID',
  SignatureDoesNotMatch: 'the secret is not the right one: check AWS_SECRET_ACCESS_KEY',
  ExpiredToken: 'the session token has expired: give AWS_SESSION_TOKEN and its keys anew',
  InvalidToken: 'the session token is not the right one: check AWS_SESSION_TOKEN',
  RequestTimeTooSkewed: "this machine's clock is wrong: set it",
  AuthorizationHeaderMalformed: 'it is in another region: set FAIRWAY_S3_REGION',
  PermanentRedirect: 'it is in another region: set FAIRWAY_S3_REGION or FAIRWAY_S3_ENDPOINT',
};

export class Bucket {
  readonly #base: string;

  constructor(
    private readonly place: BucketPlace,
    private readonly parts: BucketParts,
  ) {
    const { endpoint, bucket, pathStyle } = place;
    const { protocol, host } = new URL(endpoint);
    this.#base = pathStyle ? `${protocol}//${host}/${bucket}` : `${protocol}//${bucket}.${host}`;
  }

  /** Any status is an answer, but for those that ask for patience until it ended: they throw as everything does that kept an answer from coming. */
  ask(request: BucketRequest): Promise<BucketAnswer> {
    return this.#patiently(async (again) => {
      const answer = await this.#send(request, { timeLimit: TIME_LIMIT_MILLISECONDS });
      const text = (await answer.bytes()).toString();
      // A completed upload may be told to have failed after a status of 200.
      const status = answer.status === 200 && FAILED_AFTER_ALL.test(text) ? 500 : answer.status;
      return { status, headers: answer.headers, text, again };
    });
  }

  /** As `ask`, for bodies that are to be read piece by piece: `bytes` of them at most. */
  open(request: BucketRequest, bytes: number): Promise<Fetched> {
    return this.#patiently(() =>
      this.#send(request, {
        timeLimit: READING_MILLISECONDS,
        idleLimit: SILENCE_MILLISECONDS,
        maxBytes: Math.max(bytes, MOST_TEXT_BYTES),
      }),
    );
  }

  async #send(
    { method, key, query = {}, headers = {}, body = NO_BODY }: BucketRequest,
    limits: { readonly timeLimit: number; readonly idleLimit?: number; readonly maxBytes?: number },
  ): Promise<Fetched> {
    const search = queryText(query);
    const path = key === undefined ? '' : key;
    const url = new URL(`${this.#base}/${path}${search === '' ? '' : `?${search}`}`);
    const { fetcher, clock } = this.parts;
    const vouched = await signed({ method, url, headers, body }, this.place, clock.now());
    return fetcher.fetch({
      maxBytes: MOST_TEXT_BYTES,
      ...limits,
      url: url.href,
      method,
      headers: vouched,
      redirects: 0,
      attempts: 1,
      ...(method === 'PUT' || method === 'POST' ? { body } : {}),
    });
  }

  async #patiently<A extends { readonly status: number; discard?(): void }>(
    attempt: (again: boolean) => Promise<A>,
  ): Promise<A> {
    for (let tried = 1; ; tried++) {
      const isLast = tried >= MOST_TRIES;
      const answer = await attempt(tried > 1).catch((error: unknown) => {
        if (!(error instanceof FetchError)) throw error;
        if (isLast || !PASSING.has(error.kind)) throw unreachable(error);
        return undefined;
      });
      if (answer !== undefined && !TRY_AGAIN.has(answer.status)) return answer;
      if (answer !== undefined && isLast) {
        answer.discard?.();
        throw unusable(`it still answers with the status ${answer.status} after ${MOST_TRIES} tries`);
      }
      answer?.discard?.();
      const pause = FIRST_PAUSE_MILLISECONDS * 2 ** (tried - 1) * (0.5 + this.parts.random() / 2);
      await this.parts.pause(Math.min(pause, LONGEST_PAUSE_MILLISECONDS));
    }
  }
}

const NO_BODY = Buffer.alloc(0);

/** The answer is none of those that its request can go on with. */
export function refused({ status, text }: Pick<BucketAnswer, 'status' | 'text'>): Refusal {
  const code = textIn(text, 'Code') ?? (status === 403 ? 'AccessDenied' : undefined);
  const cause = code === undefined ? undefined : CAUSES[code];
  const said = code === undefined || !/^\w{1,64}$/.test(code) ? '' : ` (${code})`;
  return unusable(cause ?? `it answered with the status ${status}${said}`);
}

export function unusable(why: string): Refusal {
  return new Refusal('unavailable', `The bucket for files cannot be used: ${why}.`);
}

function unreachable(error: FetchError): Refusal {
  return unusable(error.message.replace(/\.$/, ''));
}
