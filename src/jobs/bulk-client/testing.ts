/**
 * For tests: a bulk server that refuses what the specification lets it refuse, and misbehaves when it is told to.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html, https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { exportJWK, exportPKCS8, generateKeyPair, type JWK, jwtVerify } from 'jose';
import type { Clock } from '../../base/clock.js';
import { pullParts } from '../../wiring/pulling.js';
import { type Pull, pull } from './pull.js';
import type { ExportSummary } from './report.js';
import type { ExportRequest } from './request.js';

/** What happens to one request instead of its answer. */
export type Fault =
  /** `seen`: the connection is cut when this is so; what is on its way might be lost otherwise. */
  | { readonly kind: 'cut'; readonly after: number; readonly seen?: () => boolean }
  /** Sends so many bytes and no more; the connection stays open. */
  | { readonly kind: 'stall'; readonly after: number }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: string;
      readonly issue?: string;
    }
  | { readonly kind: 'redirect'; readonly to: string }
  /** All tokens given so far are worth nothing from now on. */
  | { readonly kind: 'revoke' }
  /** The file is another one from now on. */
  | { readonly kind: 'change'; readonly content: string };

export interface ServedFile {
  content: string;
  readonly kind: 'output' | 'deleted' | 'error';
  readonly type: string;
  /** What the manifest says; absent: what is true; null: nothing. */
  readonly count?: number | null;
  /** Where it is said to be, instead of here. */
  readonly url?: string;
}

export interface BulkOptions {
  readonly clock: Clock;
  /** Public keys of the one client; absent: open. */
  readonly client?: { readonly id: string; readonly jwk: JWK; readonly algorithm: string };
  readonly files?: Readonly<Record<string, ServedFile>>;
  /** How often the state is "not yet", and the seconds in between. */
  readonly polls?: number;
  readonly retryAfter?: number;
  /** Seconds that a token lives. */
  readonly tokenLife?: number;
  readonly requiresAccessToken?: boolean;
  readonly gzip?: boolean;
  /** Without validators no file can be gone on with. */
  readonly etags?: boolean;
  /** Files on a page of the manifest. */
  readonly pageSize?: number;
}

export interface BulkServer {
  readonly base: string;
  readonly origin: string;
  /** `GET /files/Patient 200`, in order. */
  readonly log: string[];
  /** What was done against the specification. */
  readonly offences: string[];
  /** By what is asked for: `status`, `kick-off`, `token`, `delete`, or the name of a file. */
  readonly faults: Map<string, Fault[]>;
  readonly kickOffs: URL[];
  readonly files: Record<string, ServedFile>;
  transactionTime: string;
  stop(): Promise<void>;
}

interface Job {
  polls: number;
  notBefore: number;
}

export async function keyFile(
  algorithm: 'ES384' | 'RS384',
): Promise<{ jwk: JWK; publicJwk: JWK; pem: string }> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'one' };
  return { jwk, publicJwk: await exportJWK(publicKey), pem: await exportPKCS8(privateKey) };
}

export interface PullWorld {
  readonly out: string;
  readonly clock: { now(): number };
  /** Milliseconds of each pause that was made; no time but that of the clock passes. */
  readonly pauses: number[];
  readonly notes: string[];
  readonly pull: (server: Pick<BulkServer, 'base'>, wanted?: PullWords) => Promise<ExportSummary>;
  /** Bytes of the first file that is not whole. */
  readonly partSize: () => number;
  /** Below the folder of the last export. */
  readonly read: (summary: ExportSummary, name: string) => string;
}

export interface PullWords extends Partial<Omit<Pull, 'request' | 'out'>> {
  readonly request?: Partial<ExportRequest>;
}

/** A folder, a clock that only pauses move, and the fetcher of the command. */
export function pullWorld(): PullWorld & { end(): void } {
  const out = mkdtempSync(join(tmpdir(), 'fairway-pull-'));
  let now = Date.parse('2026-02-01T00:00:00Z');
  const clock = { now: () => now };
  const pauses: number[] = [];
  const notes: string[] = [];
  const pullFrom: PullWorld['pull'] = ({ base }, { request, ...words } = {}) => {
    const asked = {
      base: new URL(base),
      level: { kind: 'system' },
      types: [],
      typeFilters: [],
      ...request,
    } as const;
    const usual = { since: { kind: 'always' }, credentials: undefined, parallel: 2, again: false } as const;
    const wanted: Pull = { ...usual, ...words, request: asked, out };
    const pause = async (milliseconds: number): Promise<void> => {
      pauses.push(milliseconds);
      now += milliseconds;
    };
    const parts = {
      ...pullParts(wanted, { fetchPrivateHosts: '', fetchHttp: false }),
      clock,
      pause,
      random: () => 1,
    };
    return pull(wanted, parts, {
      note: (line) => notes.push(line),
      found: () => undefined,
      progress: () => undefined,
    });
  };
  return {
    out,
    clock,
    pauses,
    notes,
    pull: pullFrom,
    partSize: () => {
      const [part] = readdirSync(out, { recursive: true }).filter((name) => String(name).endsWith('.part'));
      return part === undefined ? 0 : statSync(join(out, String(part))).size;
    },
    read: ({ folder }, name) => readFileSync(join(folder, name), 'utf8'),
    end: () => rmSync(out, { recursive: true, force: true }),
  };
}

export const patientLines = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, at) => `{"resourceType":"Patient","id":"p${from + at}"}\n`).join('');

export async function serveBulk(options: BulkOptions): Promise<BulkServer> {
  const serving = new Serving(options);
  const server = createServer((request, response) => {
    serving.answer(request, response).catch((error: unknown) => {
      serving.offences.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  serving.origin = `http://127.0.0.1:${port}`;
  return Object.assign(serving, {
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

class Serving {
  origin = '';
  transactionTime = '2026-01-31T08:00:00.000Z';
  readonly log: string[] = [];
  readonly offences: string[] = [];
  readonly faults = new Map<string, Fault[]>();
  readonly kickOffs: URL[] = [];
  readonly files: Record<string, ServedFile>;
  readonly #tokens = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly #jobs = new Map<string, Job>();
  #number = 0;

  constructor(private readonly options: BulkOptions) {
    this.files = { ...options.files };
  }

  get base(): string {
    return `${this.origin}/fhir`;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    this.#noteAnswer(response, `${request.method} ${url.pathname}`);
    const [, room = '', name = ''] = url.pathname.split('/');
    const subject = this.#subject(request, room, name);
    const fault = this.faults.get(subject)?.shift();
    if (fault !== undefined && this.#carriedOut(fault, subject, response)) return;
    if (url.pathname === '/token') return this.#token(request, response);
    if (url.pathname === '/fhir/.well-known/smart-configuration') {
      return json(response, 200, { token_endpoint: `${this.origin}/token` });
    }
    if (room === 'files') return this.#file(request, response, name, fault);
    if (!this.#isAuthorized(request))
      return outcome(response, 401, 'a valid access token is needed', 'login');
    if (url.pathname.endsWith('$export')) return this.#kickOff(request, response, url);
    return this.#job(request, response, name, url);
  }

  /** As its head is sent: who has the answer finds it in the log. */
  #noteAnswer(response: ServerResponse, asked: string): void {
    const send = response.writeHead.bind(response);
    const noting = (status: number, headers?: OutgoingHttpHeaders): ServerResponse => {
      this.log.push(`${asked} ${status}`);
      return send(status, headers);
    };
    response.writeHead = noting as typeof response.writeHead; // called with a status and headers alone
  }

  #subject({ method }: IncomingMessage, room: string, name: string): string {
    if (room === 'files') return name;
    if (room === 'token') return 'token';
    if (room === 'fhir') return 'kick-off';
    return method === 'DELETE' ? 'delete' : 'status';
  }

  /** True where nothing else is answered. */
  #carriedOut(fault: Fault, subject: string, response: ServerResponse): boolean {
    switch (fault.kind) {
      case 'status': {
        if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
        outcome(
          response,
          fault.status,
          fault.issue ?? 'not now',
          fault.status >= 500 ? 'transient' : 'processing',
        );
        return true;
      }
      case 'redirect':
        response.writeHead(307, { location: fault.to }).end();
        return true;
      case 'revoke':
        this.#tokens.clear();
        return false;
      case 'change':
        (this.files[subject] as ServedFile).content = fault.content; // named by the test
        return false;
      default:
        return false; // while the file is sent
    }
  }

  #isAuthorized({ headers }: IncomingMessage): boolean {
    if (this.options.client === undefined) return true;
    const [, token = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
    return (this.#tokens.get(token) ?? 0) > this.options.clock.now();
  }

  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, client, tokenLife = 300 } = this.options;
    const form = new URLSearchParams(await textOf(request));
    const assertion = form.get('client_assertion') ?? '';
    const isForm = request.headers['content-type'] === 'application/x-www-form-urlencoded';
    const isGrant = form.get('grant_type') === 'client_credentials' && form.get('scope') !== null;
    if (client === undefined || request.method !== 'POST' || !isForm || !isGrant) {
      return json(response, 400, { error: 'invalid_request', error_description: 'not a token request' });
    }
    try {
      const { payload } = await jwtVerify(assertion, client.jwk, {
        issuer: client.id,
        subject: client.id,
        audience: `${this.origin}/token`,
        algorithms: [client.algorithm],
        currentDate: new Date(clock.now()),
        requiredClaims: ['jti', 'exp'],
      });
      const { jti = '', exp = 0 } = payload;
      if (this.#seen.has(jti) || exp * 1000 > clock.now() + 300_000)
        throw new Error('used twice or too long');
      this.#seen.add(jti);
    } catch (error) {
      return json(response, 400, { error: 'invalid_client', error_description: String(error) });
    }
    const token = `token-${++this.#number}`;
    this.#tokens.set(token, clock.now() + tokenLife * 1000);
    json(response, 200, {
      access_token: token,
      token_type: 'bearer',
      expires_in: tokenLife,
      scope: form.get('scope'),
    });
  }

  #kickOff({ headers }: IncomingMessage, response: ServerResponse, url: URL) {
    if (headers.prefer !== 'respond-async' || headers.accept !== 'application/fhir+json') {
      return outcome(response, 400, 'Prefer: respond-async and Accept: application/fhir+json are needed');
    }
    const types = url.searchParams.get('_type')?.split(',') ?? [];
    const strange = types.find((type) => !['Patient', 'Observation'].includes(type));
    if (strange !== undefined)
      return outcome(response, 400, `_type: ${strange} is not a type of this server`);
    this.kickOffs.push(url);
    const id = `j${++this.#number}`;
    this.#jobs.set(id, { polls: 0, notBefore: 0 });
    response.writeHead(202, { 'content-location': `${this.origin}/jobs/${id}` }).end();
  }

  #job(request: IncomingMessage, response: ServerResponse, id: string, url: URL) {
    const { clock, polls = 1, retryAfter = 10 } = this.options;
    const job = this.#jobs.get(id);
    if (job === undefined) return outcome(response, 404, 'there is no such export');
    if (request.method === 'DELETE') {
      this.#jobs.delete(id);
      response.writeHead(202).end();
      return;
    }
    if (request.headers.accept !== 'application/json') this.offences.push('the manifest is JSON');
    if (clock.now() < job.notBefore) {
      this.offences.push('asked sooner than Retry-After said');
      return outcome(response, 429, 'too early', 'throttled');
    }
    if (job.polls < polls) {
      job.polls += 1;
      job.notBefore = clock.now() + retryAfter * 1000;
      response
        .writeHead(202, { 'retry-after': String(retryAfter), 'x-progress': `${job.polls}0 % done` })
        .end();
      return;
    }
    json(response, 200, this.#manifest(id, Number(url.searchParams.get('page') ?? 0)));
  }

  #manifest(id: string, page: number): unknown {
    const { pageSize = 1000, requiresAccessToken = this.options.client !== undefined } = this.options;
    const shown = Object.entries(this.files).slice(page * pageSize, (page + 1) * pageSize);
    const of = (wanted: ServedFile['kind']) =>
      shown.flatMap(([name, { kind, type, content, count, url }]) => {
        if (kind !== wanted) return [];
        const lines = content.split('\n').filter((line) => line !== '').length;
        return [
          {
            type,
            url: url ?? `${this.origin}/files/${name}`,
            ...(count === null ? {} : { count: count ?? lines }),
          },
        ];
      });
    const isLast = (page + 1) * pageSize >= Object.keys(this.files).length;
    return {
      transactionTime: this.transactionTime,
      request: this.kickOffs.at(-1)?.href,
      requiresAccessToken,
      output: of('output'),
      deleted: of('deleted'),
      error: of('error'),
      ...(isLast ? {} : { link: [{ relation: 'next', url: `${this.origin}/jobs/${id}?page=${page + 1}` }] }),
    };
  }

  #file(request: IncomingMessage, response: ServerResponse, name: string, fault: Fault | undefined) {
    const { headers } = request;
    const file = this.files[name];
    const {
      requiresAccessToken = this.options.client !== undefined,
      gzip = false,
      etags = true,
    } = this.options;
    if (requiresAccessToken && !this.#isAuthorized(request))
      return outcome(response, 401, 'a token is needed', 'login');
    if (!requiresAccessToken && headers.authorization !== undefined)
      this.offences.push('a token for a file without');
    if (file === undefined) return outcome(response, 404, 'there is no such file');
    const packed = gzip && headers['accept-encoding'] === 'gzip';
    const bytes = packed ? gzipSync(file.content) : Buffer.from(file.content);
    const etag = `"${bytes.length}-${hash(file.content)}"`;
    if (etags) response.setHeader('etag', etag);
    if (packed) response.setHeader('content-encoding', 'gzip');
    response.setHeader('content-type', 'application/fhir+ndjson');
    const from =
      etags && headers['if-range'] === etag
        ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
        : 0;
    if (from > 0 && from >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { ...range, 'content-length': bytes.length - from });
    this.#send(response, bytes.subarray(from), fault);
  }

  #send(response: ServerResponse, bytes: Buffer, fault: Fault | undefined): void {
    if (fault?.kind !== 'cut' && fault?.kind !== 'stall') {
      response.end(bytes);
      return;
    }
    response.write(bytes.subarray(0, fault.after));
    if (fault.kind === 'cut') cutWhen(fault.seen ?? (() => true), response);
  }
}

function cutWhen(seen: () => boolean, response: ServerResponse): void {
  if (seen()) response.destroy();
  else setTimeout(() => cutWhen(seen, response), 5);
}

function hash(text: string): number {
  let sum = 0;
  for (const sign of text) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 1_000_003;
  return sum;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function outcome(response: ServerResponse, status: number, text: string, code = 'invalid'): void {
  json(response, status, {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, diagnostics: text }],
  });
}
