/**
 * A whole server but for its sockets, for tests: requests go through `handle` to a real store in a folder of its own.
 *
 * Invariant: time stands still unless a test moves it, and ids come in a fixed order.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAccess } from '../access/open.js';
import { uuidV7 } from '../base/ids.js';
import { silentLogger } from '../base/log.js';
import { readDefinitions } from '../definitions-file.js';
import type { Definitions } from '../fhir/definitions/definitions.js';
import type { JsonValue } from '../fhir/format/json.js';
import { parseJson } from '../fhir/format/parse.js';
import { serialise } from '../fhir/format/serialise.js';
import { makeIndexer } from '../fhir/search/indexer.js';
import { makeValidator } from '../fhir/validate/validator.js';
import { JOB_KINDS } from '../jobs/job-kinds.js';
import { JobRunner, type RunnerParts } from '../jobs/job-runner.js';
import { fetcherOnThisMachine } from '../net/testing.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { AuditLog } from '../ports/audit-log.js';
import type { Ledger } from '../ports/ledger.js';
import { folderBlobs } from '../stores/folder/folder-blobs.js';
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from '../stores/sqlite/store.js';
import { lazyBaseTerminology } from '../terminology-file.js';
import { Auditing } from './audit/auditing.js';
import { Trail } from './audit/trail.js';
import type { Context, InteractionSettings, Knowledge, TenantParts } from './context.js';
import { newestKnowledge } from './knowledge.js';
import { renderRefusal } from './render.js';
import type { FhirRequest, QueryPair } from './request.js';
import type { FhirResponse } from './response.js';
import { handle } from './router.js';
import { loadedTerminology } from './terminology/loaded-terminology.js';

export const BASE = 'http://fairway.test/fhir';

/** 2024-01-31T12:00:00Z */
export const START = 1_706_702_400_000;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly bytes: Buffer;
  /**
   * The body as plain JSON, '' where there is none. Loosely typed, because tests look into it by hand.
   */
  // biome-ignore lint/suspicious/noExplicitAny: every test asserts the shape that it reads
  readonly json: any;
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  /** Serialised unless it is text or bytes. */
  readonly body?: JsonValue | Buffer;
}

export interface World {
  readonly context: Context;
  readonly ledger: Ledger;
  readonly audit: AuditLog;
  /** `GET Patient/1?_pretty=true`; a refusal is an answer like others. */
  ask(line: string, ask?: Ask): Promise<Answer>;
  /** The same as somebody else. */
  as(access: AccessDecision): World;
  /** Resolves when all custom search parameters are indexed. */
  reindexed(): Promise<void>;
  /** The same with other settings. */
  with(settings: Partial<InteractionSettings>): World;
  /** The same store under the name of another tenant. */
  of(tenant: string): World;
  /** Does all the work of jobs that there is; `between` two parts something else may happen. */
  runJobs(
    settings?: Partial<RunnerParts['settings']>,
    between?: () => Promise<void>,
    kinds?: RunnerParts['kinds'],
  ): Promise<void>;
  /** Moves the clock on by so many milliseconds. */
  wait(milliseconds: number): void;
  close(): Promise<void>;
}

const SETTINGS: InteractionSettings = {
  softwareVersion: '0.0.0-test',
  defaultCount: 50,
  maxCount: 1000,
  checkReferences: false,
  searchTimeLimit: 10_000,
  explain: true,
  conditionalDeleteLimit: 1,
  jobsPerClient: 10,
};

const baseTerminology = lazyBaseTerminology();

interface Standard {
  readonly definitions: Definitions;
  readonly validate: Knowledge['validate'];
}

let standard: Standard | undefined;

/** Compiled once per test file. */
function theStandard(): Standard {
  if (standard === undefined) {
    const definitions = readDefinitions();
    standard = { definitions, validate: makeValidator(definitions) };
  }
  return standard;
}

/** `file`: of a store that outlives the world; else it has one of its own. */
export type StoreAsked = Partial<Pick<SqliteStoreOptions, 'file' | 'walkPace' | 'walkStep'>> & {
  /** With audit. */
  readonly audited?: true;
};

export async function openWorld(
  settings: Partial<InteractionSettings> = {},
  asked: StoreAsked = {},
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'fairway-interactions-'));
  let now = START;
  let drawn = 0;
  const clock = { now: () => now };
  const store = await openSqliteStore({
    file: join(folder, 'fairway.db'),
    clock,
    log: silentLogger,
    definitions: theStandard().definitions,
    site: BASE,
    makeIndexer: (known) => makeIndexer(known, { baseUrl: BASE }),
    ...asked,
  });
  const knowledge = newestKnowledge(store.current, theStandard().validate);
  const context: Context = {
    tenant: 'default',
    baseUrl: BASE,
    backend: store.backend,
    sealer: store.sealer,
    get knowledge() {
      return knowledge();
    },
    terminology: loadedTerminology(store.backend, baseTerminology),
    clock,
    newId: uuidV7(clock, () => countedBytes(drawn++)),
    log: silentLogger,
    settings: { ...SETTINGS, ...settings },
    jobs: { store: store.jobs, blobs: folderBlobs(folder), wake: () => undefined },
    access: openAccess('test'),
    requestId: 'test-request',
    deadline: Number.POSITIVE_INFINITY,
  };
  const auditing = asked.audited === true ? new Auditing(context, store.audit) : undefined;
  const close = async (): Promise<void> => {
    await auditing?.stop();
    await store.close();
    rmSync(folder, { recursive: true });
  };
  const wait = (milliseconds: number): void => {
    now += milliseconds;
  };
  return worldOf(auditing === undefined ? context : { ...context, auditing }, store, wait, close);
}

/** Ten bytes that end in a count: unlike each other, and the same in every run. */
function countedBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(6, count);
  return bytes;
}

function worldOf(context: Context, store: SqliteStore, wait: World['wait'], close: World['close']): World {
  const { ledger, reindexed, audit } = store;
  const latest = (): Knowledge => context.knowledge.latest();
  return {
    context,
    ledger,
    audit,
    reindexed,
    wait,
    close,
    as: (access) => worldOf({ ...context, access }, store, wait, close),
    runJobs: (...how) => runJobs(context, ...how),
    with: (settings) =>
      worldOf({ ...context, settings: { ...context.settings, ...settings } }, store, wait, close),
    of: (tenant) => worldOf({ ...context, tenant }, store, wait, close),
    ask: async (line, ask = {}) =>
      answerOf(await respond(requestOf(line, ask), underAudit({ ...context, knowledge: latest() }))),
  };
}

const HOUR = 3_600_000;
const MIB = 1024 * 1024;

/** Of any store; what it fetches comes from this machine, which every `*.test` is. */
export function jobRunner(
  parts: TenantParts,
  settings: Partial<RunnerParts['settings']> = {},
  kinds: RunnerParts['kinds'] = JOB_KINDS,
): JobRunner {
  const usual = {
    lease: 60_000,
    kept: HOUR,
    partSize: 80_000,
    fileLimit: 64 * MIB,
    fileTimeLimit: 60_000,
    lineLimit: MIB,
  };
  const fetcher = fetcherOnThisMachine();
  return new JobRunner({ parts, kinds, fetcher, settings: { ...usual, ...settings } });
}

async function runJobs(
  parts: Context,
  settings: Partial<RunnerParts['settings']> = {},
  between: () => Promise<void> = () => Promise.resolve(),
  kinds: RunnerParts['kinds'] = JOB_KINDS,
): Promise<void> {
  const runner = jobRunner(parts, settings, kinds);
  while (await runner.step()) await between();
  await runner.tidy();
}

/** As the endpoint does for each request. */
function underAudit(context: Context): Context {
  const { auditing, backend, access, requestId } = context;
  if (auditing === undefined) return context;
  const audit = new Trail(backend, auditing, { access, requestId, network: '192.0.2.7' });
  return { ...context, audit, backend: audit };
}

async function respond(request: FhirRequest, context: Context): Promise<FhirResponse> {
  try {
    return await handle(request, context);
  } catch (error) {
    return renderRefusal(error, context);
  }
}

const FORM = 'application/x-www-form-urlencoded';

export function requestOf(line: string, { headers = {}, body }: Ask = {}): FhirRequest {
  const [method = '', url = ''] = line.split(' ', 2);
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query: QueryPair[] = mark < 0 ? [] : [...new URLSearchParams(url.slice(mark))];
  const named = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const fields = named.get('content-type') === FORM ? [...new URLSearchParams(String(body))] : [];
  return {
    method,
    path: path === '' ? [] : path.split('/').map(decodeURIComponent),
    query: [...query, ...fields],
    header: (name) => named.get(name),
    ...(body === undefined ? {} : { body: bytesOf(body) }),
  };
}

function bytesOf(body: JsonValue | Buffer): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : serialise(body));
}

async function answerOf({ status, headers, body, stream }: FhirResponse): Promise<Answer> {
  const pieces = [...(body ?? [])];
  if (stream !== undefined) for await (const piece of stream.read()) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const text = bytes.toString('utf8');
  return {
    status,
    headers,
    text,
    bytes,
    get json() {
      return text === '' ? '' : parseJson(text);
    },
  };
}

/** Path and query of a link's URL, to be asked for with GET. */
export function below(url: string): string {
  if (!url.startsWith(`${BASE}/`)) throw new Error(`not below the base: ${url}`);
  return url.slice(BASE.length + 1);
}
