/**
 * For tests: an S3 bucket on a socket of this machine that takes nothing on trust. Every request must carry a signature that
 * this file works out by itself, of exactly the bytes that came; parts must have their sizes, order and ETags. It can be
 * told to misbehave.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * `slow-down`: 503. `error`: 500 when the first bytes of the body have come. `cut`: the connection ends before anything happens;
 * `lost`: after it has happened. `half`: it ends in the middle of the answer's body. `hold`: no answer ever.
 */
export type Trouble = 'slow-down' | 'error' | 'cut' | 'lost' | 'half' | 'hold' | 'complete-error';

export interface AskedOfBucket {
  /** `UploadPart`, `GetObject` … */
  readonly operation: string;
  readonly key: string;
  readonly query: URLSearchParams;
}

interface Request extends AskedOfBucket {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

interface MultipartUpload {
  readonly key: string;
  initiated: number;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>;
}

class S3Error extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(code);
  }
}

const LEAST_PART = 5 * 1024 * 1024;
const SKEW = 15 * 60_000;

export class S3Simulator {
  readonly bucket = 'files';
  readonly region = 'eu-test-1';
  readonly credentials = { accessKeyId: 'AKTEST', secretAccessKey: 'secret/of+tests', sessionToken: 'lent' };
  readonly objects = new Map<string, { readonly bytes: Buffer; readonly etag: string }>();
  readonly uploads = new Map<string, MultipartUpload>();
  /** All that was asked, in order. */
  readonly asked: AskedOfBucket[] = [];
  /** Keys and uploads on a page of a list. */
  pageSize = 2;
  /** Told of every request before it is done. */
  trouble: (asked: AskedOfBucket) => Trouble | undefined = () => undefined;
  /** Parts under way at this moment, and at most. */
  readonly parts = { now: 0, most: 0 };
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<S3Simulator> {
    const simulator = new S3Simulator();
    await new Promise<void>((resolve) => simulator.#server.listen(0, '127.0.0.1', resolve));
    return simulator;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Misbehaves with the next so many requests of an operation. */
  misbehave(trouble: Trouble, operation: string, times = 1): void {
    let left = times;
    this.trouble = (asked) => {
      if (asked.operation !== operation || left === 0) return undefined;
      left -= 1;
      return trouble;
    };
  }

  countOf(operation: string): number {
    return this.asked.filter((one) => one.operation === operation).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request; // it is gone from there when the connection is
    const asked = this.#read(request);
    this.asked.push(asked);
    const trouble = this.trouble(asked);
    const isPart = asked.operation === 'UploadPart';
    if (isPart) this.parts.most = Math.max(this.parts.most, ++this.parts.now);
    response.on('close', () => {
      if (isPart) this.parts.now -= 1;
    });
    try {
      if (trouble === 'hold') return;
      if (trouble === 'cut') return void socket.destroy();
      if (trouble === 'slow-down') throw new S3Error(503, 'SlowDown');
      const body: Buffer[] = [];
      for await (const chunk of request) {
        body.push(chunk as Buffer);
        if (trouble === 'error') throw new S3Error(500, 'InternalError');
      }
      if (trouble === 'error') throw new S3Error(500, 'InternalError');
      const whole: Request = {
        ...asked,
        method: request.method ?? '',
        headers: request.headers,
        body: Buffer.concat(body),
      };
      this.#verify(request, whole.body);
      if (trouble === 'complete-error')
        return send(response, { status: 200, body: errorXml('InternalError') });
      const reply = this.#reply(whole);
      if (trouble === 'lost') return void socket.destroy();
      send(response, reply, trouble === 'half');
    } catch (error) {
      // A client that has gone needs no answer; what is not S3's own is a defect of this file.
      if (!(error instanceof S3Error)) return void response.destroy();
      const body = request.method === 'HEAD' ? '' : errorXml(error.code);
      send(response, { status: error.status, body });
      if (trouble === 'error') socket.destroy();
    }
  }

  /** In the path, or in the host's name. */
  #read(request: IncomingMessage): AskedOfBucket {
    const url = new URL(`http://host${request.url ?? '/'}`);
    const isVirtual = request.headers.host?.startsWith(`${this.bucket}.`) === true;
    const [, first = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    const key = isVirtual ? [first, ...rest].join('/') : rest.join('/');
    const isOurs = isVirtual || first === this.bucket;
    const query = url.searchParams;
    return { operation: isOurs ? operationOf(request.method ?? '', key, query) : 'NoSuchBucket', key, query };
  }

  #reply(request: Request): Reply {
    const operation = this.#operations[request.operation];
    if (operation === undefined)
      throw new S3Error(request.operation === 'NoSuchBucket' ? 404 : 405, request.operation);
    return operation(request);
  }

  readonly #operations: Readonly<Record<string, (request: Request) => Reply>> = {
    PutObject: ({ key, body }) => this.#store(key, body, md5(body)),
    HeadObject: (request) => ({ ...this.#object(request), status: 200 }),
    GetObject: (request) => this.#range(request),
    DeleteObject: ({ key }) => {
      this.objects.delete(key);
      return { status: 204 };
    },
    DeleteObjects: (request) => this.#deleteObjects(request),
    ListObjectsV2: ({ query }) => this.#list(query),
    ListMultipartUploads: ({ query }) => this.#listUploads(query),
    CreateMultipartUpload: ({ key }) => {
      const id = randomUUID();
      this.uploads.set(id, { key, initiated: Date.now(), parts: new Map() });
      const body = `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`;
      return { status: 200, body };
    },
    UploadPart: ({ key, query, body }) => {
      const number = Number(query.get('partNumber'));
      if (!Number.isInteger(number) || number < 1 || number > 10_000)
        throw new S3Error(400, 'InvalidArgument');
      const etag = md5(body);
      this.#upload(key, query).parts.set(number, { bytes: body, etag });
      return { status: 200, headers: { etag: `"${etag}"` } };
    },
    CompleteMultipartUpload: (request) => this.#complete(request),
    AbortMultipartUpload: ({ key, query }) => {
      this.#upload(key, query);
      this.uploads.delete(query.get('uploadId') ?? '');
      return { status: 204 };
    },
  };

  #store(key: string, bytes: Buffer, etag: string): Reply {
    this.objects.set(key, { bytes, etag: `"${etag}"` });
    return { status: 200, headers: { etag: `"${etag}"` } };
  }

  #object({ key, headers }: Request): { headers: Record<string, string>; body: Buffer } {
    const object = this.objects.get(key);
    if (object === undefined) throw new S3Error(404, 'NoSuchKey');
    const condition = headers['if-match'];
    if (condition !== undefined && condition !== object.etag) throw new S3Error(412, 'PreconditionFailed');
    return { headers: { etag: object.etag }, body: object.bytes };
  }

  #range(request: Request): Reply {
    const { headers, body } = this.#object(request);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (from === undefined) return { status: 200, headers, body };
    if (Number(from) >= body.length) throw new S3Error(416, 'InvalidRange');
    const piece = body.subarray(Number(from), Number(to) + 1);
    const range = `bytes ${from}-${Number(from) + piece.length - 1}/${body.length}`;
    return { status: 206, headers: { ...headers, 'content-range': range }, body: piece };
  }

  #deleteObjects({ headers, body }: Request): Reply {
    const sum = createHash('md5').update(body).digest('base64');
    if (headers['content-md5'] === undefined) throw new S3Error(400, 'MissingContentMD5');
    if (headers['content-md5'] !== sum) throw new S3Error(400, 'BadDigest');
    const keys = inside(body.toString(), 'Key');
    if (keys.length === 0 || keys.length > 1_000) throw new S3Error(400, 'MalformedXML');
    for (const key of keys) this.objects.delete(key);
    return { status: 200, body: '<?xml version="1.0"?><DeleteResult></DeleteResult>' };
  }

  #list(query: URLSearchParams): Reply {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? '';
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, this.pageSize);
    const last = page.at(-1);
    const more = last !== undefined && keys.length > page.length;
    const contents = page.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('');
    const next = more ? `<NextContinuationToken>${last}</NextContinuationToken>` : '';
    const body = `<ListBucketResult><IsTruncated>${more}</IsTruncated>${contents}${next}</ListBucketResult>`;
    return { status: 200, body };
  }

  #listUploads(query: URLSearchParams): Reply {
    const prefix = query.get('prefix') ?? '';
    const after = `${query.get('key-marker') ?? ''} ${query.get('upload-id-marker') ?? ''}`;
    const found = [...this.uploads]
      .map(([id, { key, initiated }]) => ({ id, key, initiated, place: `${key} ${id}` }))
      .filter(({ key, place }) => key.startsWith(prefix) && (after === ' ' || place > after))
      .sort((a, b) => (a.place < b.place ? -1 : 1));
    const page = found.slice(0, this.pageSize);
    const last = page.at(-1);
    const more = last !== undefined && found.length > page.length;
    const uploads = page.map(
      ({ id, key, initiated }) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${new Date(initiated).toISOString()}</Initiated></Upload>`,
    );
    const next = more
      ? `<NextKeyMarker>${last.key}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>`
      : '';
    const body = `<ListMultipartUploadsResult><IsTruncated>${more}</IsTruncated>${next}${uploads.join('')}</ListMultipartUploadsResult>`;
    return { status: 200, body };
  }

  #complete({ key, query, body }: Request): Reply {
    const upload = this.#upload(key, query);
    const text = body.toString();
    const numbers = inside(text, 'PartNumber').map(Number);
    const etags = inside(text, 'ETag');
    if (numbers.length === 0 || numbers.length !== etags.length) throw new S3Error(400, 'MalformedXML');
    const parts = numbers.map((number, at) => {
      const part = upload.parts.get(number);
      if (at > 0 && number <= (numbers[at - 1] ?? 0)) throw new S3Error(400, 'InvalidPartOrder');
      if (part === undefined || `"${part.etag}"` !== etags[at]) throw new S3Error(400, 'InvalidPart');
      if (at < numbers.length - 1 && part.bytes.length < LEAST_PART) throw new S3Error(400, 'EntityTooSmall');
      return part;
    });
    this.uploads.delete(query.get('uploadId') ?? '');
    const etag = `${md5(Buffer.concat(parts.map((part) => Buffer.from(part.etag, 'hex'))))}-${parts.length}`;
    this.#store(key, Buffer.concat(parts.map(({ bytes }) => bytes)), etag);
    return {
      status: 200,
      body: `<CompleteMultipartUploadResult><ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`,
    };
  }

  #upload(key: string, query: URLSearchParams): MultipartUpload {
    const upload = this.uploads.get(query.get('uploadId') ?? '');
    if (upload?.key !== key) throw new S3Error(404, 'NoSuchUpload');
    return upload;
  }

  /** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, from what is on the wire. */
  #verify({ method = '', url = '', headers }: IncomingMessage, body: Buffer): void {
    const { accessKeyId, secretAccessKey, sessionToken } = this.credentials;
    const form =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([\da-f]{64})$/;
    const [, key, day = '', region, names = '', signature] = form.exec(headers.authorization ?? '') ?? [];
    if (key === undefined) throw new S3Error(403, 'AccessDenied');
    if (key !== accessKeyId) throw new S3Error(403, 'InvalidAccessKeyId');
    if (region !== this.region) throw new S3Error(400, 'AuthorizationHeaderMalformed');
    if (headers['x-amz-security-token'] !== sessionToken) throw new S3Error(403, 'InvalidToken');
    const moment = String(headers['x-amz-date']);
    const time = Date.parse(moment.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
    if (!(Math.abs(time - Date.now()) < SKEW) || !moment.startsWith(day))
      throw new S3Error(403, 'RequestTimeTooSkewed');
    const signedNames = names.split(';');
    const mustBeSigned = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
    if (mustBeSigned.some((name) => !signedNames.includes(name))) throw new S3Error(403, 'AccessDenied');
    const hash = String(headers['x-amz-content-sha256']);
    if (hash !== createHash('sha256').update(body).digest('hex'))
      throw new S3Error(400, 'XAmzContentSHA256Mismatch');
    if (body.length > 0 && headers['content-length'] === undefined)
      throw new S3Error(411, 'MissingContentLength');
    const [path = '', query = ''] = url.split('?');
    const canonicalQuery = query === '' ? '' : query.split('&').sort().join('&');
    let text = `${method}\n${path}\n${canonicalQuery}\n`;
    for (const name of signedNames) text += `${name}:${String(headers[name])}\n`;
    text += `\n${names}\n${hash}`;
    let signing = createHmac('sha256', `AWS4${secretAccessKey}`).update(day).digest();
    for (const step of [this.region, 's3', 'aws4_request'])
      signing = createHmac('sha256', signing).update(step).digest();
    const digest = createHash('sha256').update(text).digest('hex');
    const toSign = `AWS4-HMAC-SHA256\n${moment}\n${day}/${this.region}/s3/aws4_request\n${digest}`;
    if (createHmac('sha256', signing).update(toSign).digest('hex') !== signature) {
      throw new S3Error(403, 'SignatureDoesNotMatch');
    }
  }
}

/** By method, whether there is a key, and the parameter that says what is meant. */
const OPERATIONS: readonly (readonly [
  method: string,
  hasKey: boolean,
  parameter: string,
  operation: string,
])[] = [
  ['GET', false, 'list-type', 'ListObjectsV2'],
  ['GET', false, 'uploads', 'ListMultipartUploads'],
  ['POST', false, 'delete', 'DeleteObjects'],
  ['POST', true, 'uploads', 'CreateMultipartUpload'],
  ['POST', true, 'uploadId', 'CompleteMultipartUpload'],
  ['PUT', true, 'partNumber', 'UploadPart'],
  ['DELETE', true, 'uploadId', 'AbortMultipartUpload'],
  ['PUT', true, '', 'PutObject'],
  ['GET', true, '', 'GetObject'],
  ['HEAD', true, '', 'HeadObject'],
  ['DELETE', true, '', 'DeleteObject'],
];

function operationOf(method: string, key: string, query: URLSearchParams): string {
  const found = OPERATIONS.find(
    ([wanted, hasKey, parameter]) =>
      wanted === method && hasKey === (key !== '') && (parameter === '' || query.has(parameter)),
  );
  return found?.[3] ?? 'MethodNotAllowed';
}

function send(response: ServerResponse, { status, headers = {}, body = '' }: Reply, half = false): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...headers, ...(status === 204 ? {} : { 'content-length': bytes.length }) });
  if (half) response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  else response.end(bytes);
}

function errorXml(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>told to the log</Message></Error>`;
}

function inside(xml: string, name: string): readonly string[] {
  return xml
    .split(`<${name}>`)
    .slice(1)
    .map((rest) => rest.slice(0, rest.indexOf(`</${name}>`)));
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}
