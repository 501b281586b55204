/**
 * Bundles: transactions and batches are carried out as over HTTP, collections and search results are stored as one
 * transaction of updates.
 * https://hl7.org/fhir/R4/bundle.html
 *
 * Invariant: a transaction that refers to what an earlier piece of the load stores is tried again once that is in.
 */
import type { NewId } from '../base/ids.js';
import { isObject, type JsonObject, type JsonValue } from '../fhir/format/json.js';
import { Refusal, type RefusalKind } from '../fhir/outcome.js';
import type { EntryAnswer } from '../interactions/bundle/answer.js';
import { batchRequest } from '../interactions/bundle/batch.js';
import { carryOut, type RequestBundle, requestBundle } from '../interactions/bundle/bundle.js';
import { Findings } from '../interactions/bundle/findings.js';
import { checkTransaction } from '../interactions/bundle/transaction.js';
import type { Context } from '../interactions/context.js';
import { checkResource } from '../interactions/write.js';
import { AlreadyStored } from './load-context.js';
import {
  answeredReasons,
  type LoadRefusal,
  NOTHING,
  type PieceResult,
  reasonsOf,
  tally,
} from './load-report.js';

const PREFER = 'return=minimal';

/** What an earlier piece may still put right. */
const MAY_PASS_LATER: ReadonlySet<RefusalKind> = new Set<RefusalKind>([
  'condition-missing',
  'reference-missing',
  'not-found',
]);

/** The store's troubles: no fault of the document, so the load ends. */
const STOPS: ReadonlySet<RefusalKind> = new Set<RefusalKind>(['store-full', 'unavailable', 'internal-error']);

export function stopsLoad(refusal: Refusal): boolean {
  return STOPS.has(refusal.kind);
}

/** How a Bundle goes in, by its type; 'resource' is stored as the Bundle that it is. */
export function readBundle(bundle: JsonObject, context: Context): RequestBundle | 'resource' {
  switch (bundle.type) {
    case 'collection':
    case 'searchset':
      return { type: 'transaction', entries: updatesOf(bundle) };
    case 'document':
    case 'message':
      return 'resource';
    case 'transaction':
    case 'batch':
      return requestBundle(bundle, context);
    default:
      throw new Refusal(
        'unprocessable',
        'Bundles of type transaction, batch, collection, searchset, document and message can be loaded, others cannot.',
      );
  }
}

/** The entries with resources, each with the request that stores it under its id. */
function updatesOf({ entry }: JsonObject): readonly JsonValue[] {
  if (!Array.isArray(entry)) return [];
  return entry.filter(isObject).flatMap(({ fullUrl, resource, search }): JsonValue[] => {
    if (!isObject(resource) || (isObject(search) && search.mode === 'outcome')) return [];
    const { resourceType, id } = resource;
    const type = typeof resourceType === 'string' ? resourceType : '';
    const request =
      typeof id === 'string' ? { method: 'PUT', url: `${type}/${id}` } : { method: 'POST', url: type };
    return [{ ...(fullUrl === undefined ? {} : { fullUrl }), resource, request }];
  });
}

export interface BundleRun {
  readonly bundle: RequestBundle;
  readonly place: Pick<LoadRefusal, 'file' | 'line'>;
  /** Made anew for each attempt, so that ids begin anew. */
  readonly context: () => Context;
  /** All pieces before this one have ended. */
  readonly earlier: Promise<void>;
}

export async function storeTransaction({ bundle, place, context, earlier }: BundleRun): Promise<PieceResult> {
  const attempt = async (): Promise<PieceResult> => {
    const answers = await carryOut(bundle, PREFER, context());
    return resultOf(answers, place);
  };
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof Refusal && MAY_PASS_LATER.has(error.kind))) return refusedWith(error, place);
  }
  await earlier;
  try {
    return await attempt();
  } catch (error) {
    return refusedWith(error, place);
  }
}

/**
 * Its entries are not committed as one, so each is put in such a form that doing it again changes nothing: `freshId` gives
 * the same ids in every load of the file.
 */
export async function storeBatchBundle(
  { bundle, place, context, earlier }: BundleRun,
  freshId: NewId,
): Promise<PieceResult> {
  await earlier;
  const { entries, named } = repeatable(bundle.entries, freshId);
  return resultOf(await carryOut({ ...bundle, entries }, PREFER, context()), place, named);
}

interface RepeatableEntries {
  readonly entries: readonly JsonValue[];
  /** Places of creates that became creates under an id. */
  readonly named: ReadonlySet<number>;
}

/** A create without condition becomes one under an id that is given here. */
function repeatable(entries: readonly JsonValue[], freshId: NewId): RepeatableEntries {
  const named = new Set<number>();
  const changed = entries.map((entry, index): JsonValue => {
    const { request, resource } = isObject(entry) ? entry : {};
    if (!isObject(request) || request.method !== 'POST' || request.ifNoneExist !== undefined) return entry;
    if (!isObject(resource) || resource.resourceType !== request.url) return entry;
    const id = freshId();
    named.add(index);
    const created = { method: 'PUT', url: `${request.url}/${id}`, ifNoneMatch: '*' };
    return {
      ...(isObject(entry) ? entry : {}),
      resource: { ...resource, id },
      request: { ...request, ...created },
    };
  });
  return { entries: changed, named };
}

/** Everything that can be said against a bundle without storing it. */
export async function checkBundle(
  { type, entries }: RequestBundle,
  place: Pick<LoadRefusal, 'file' | 'line'>,
  context: Context,
): Promise<PieceResult> {
  try {
    if (type === 'transaction') await checkTransaction(entries, context);
    else checkBatch(entries, context);
  } catch (error) {
    return refusedWith(error, place);
  }
  const types = entries.map((entry) =>
    isObject(entry) && isObject(entry.resource) ? String(entry.resource.resourceType) : '',
  );
  return { ...NOTHING, stored: tally(types.filter((name) => name !== '')) };
}

function checkBatch(entries: readonly JsonValue[], context: Context): void {
  const findings = new Findings();
  for (const [index, entry] of entries.entries()) {
    findings.attempt(index, () => checkBatchEntry(entry, index, context));
  }
  findings.refuse();
}

function checkBatchEntry(entry: JsonValue, index: number, context: Context): void {
  const { resource, path } = batchRequest(entry, index, PREFER, context);
  if (resource !== undefined && path[0] !== undefined) checkResource(resource, path[0], context);
}

const NONE: ReadonlySet<number> = new Set();

/** `named`: entries that a refused precondition shows to be stored already. */
function resultOf(
  answers: readonly EntryAnswer[],
  place: Pick<LoadRefusal, 'file' | 'line'>,
  named: ReadonlySet<number> = NONE,
): PieceResult {
  const refusals: LoadRefusal[] = [];
  const types: string[] = [];
  let found = 0;
  let repeated = 0;
  for (const [index, answer] of answers.entries()) {
    const { method, path } = answer.request;
    const { status } = answer.response;
    if (status === 412 && named.has(index)) repeated++;
    else if (status >= 400) refusals.push({ ...place, reasons: refusedReasons(answer, index) });
    else if (method === 'POST' && status === 200) found++;
    else if (method !== 'GET' && method !== 'DELETE') types.push(path[0] ?? '');
  }
  return { stored: tally(types), found, repeated, refusals };
}

function refusedReasons(answer: EntryAnswer, index: number): readonly string[] {
  const reasons = answeredReasons(answer, index);
  const { request, response } = answer;
  if (response.status < 500 || request.method === 'GET') return reasons;
  throw new Refusal(
    response.status === 507 ? 'store-full' : 'unavailable',
    reasons[0] ?? 'The store failed.',
  );
}

function refusedWith(error: unknown, place: Pick<LoadRefusal, 'file' | 'line'>): PieceResult {
  if (error instanceof AlreadyStored) return { ...NOTHING, repeated: 1 };
  if (!(error instanceof Refusal) || stopsLoad(error)) throw error;
  return { ...NOTHING, refusals: [{ ...place, reasons: reasonsOf(error) }] };
}
