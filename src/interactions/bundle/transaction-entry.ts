/**
 * The entries of a transaction, read and checked before anything is resolved.
 * https://hl7.org/fhir/R4/http.html#trules
 *
 * Invariants: all that is wrong with any entry is found in one go; fullUrls are unique; each resource is validated once,
 * however often the transaction is planned.
 */
import type { JsonValue, ResourceObject } from '../../fhir/format/json.js';
import { type Issue, Refusal } from '../../fhir/outcome.js';
import type { Predicate } from '../../fhir/search/query.js';
import { readResource } from '../binary.js';
import { headerCondition, requestCondition } from '../condition.js';
import type { Context } from '../context.js';
import type { Pace } from '../pace.js';
import { type Patch, readPatch } from '../patch.js';
import { locate } from '../path.js';
import { permit } from '../permit.js';
import type { InstanceTarget } from '../target.js';
import { idMismatch } from '../update.js';
import { checkId } from '../write.js';
import { type EntryRequest, entryRequest } from './entry-request.js';
import { Findings } from './findings.js';
import { type ConditionalReference, type EntryLinks, LinkSurvey } from './link-survey.js';

interface EntryBase {
  readonly request: EntryRequest;
  readonly type: string;
}

/** POST; `where` is its If-None-Exist. `freshId` is kept over all plans of the transaction. */
export interface CreateEntry extends EntryBase {
  readonly kind: 'create';
  readonly resource: ResourceObject;
  readonly links: EntryLinks;
  readonly freshId: string;
  readonly where?: Predicate;
}

/** PUT, by `id` or by criteria. */
export interface UpdateEntry extends EntryBase {
  readonly kind: 'update';
  readonly resource: ResourceObject;
  readonly links: EntryLinks;
  readonly freshId: string;
  readonly id?: string;
  readonly where?: Predicate;
}

export interface PatchEntry extends EntryBase {
  readonly kind: 'patch';
  readonly patch: Patch;
  readonly id?: string;
  readonly where?: Predicate;
}

export interface DeleteEntry extends EntryBase {
  readonly kind: 'delete';
  readonly id?: string;
  readonly where?: Predicate;
}

/** GET and HEAD: asked after the commit. */
export interface ReadEntry {
  readonly kind: 'read';
  readonly request: EntryRequest;
}

export type WriteEntry = CreateEntry | UpdateEntry | PatchEntry | DeleteEntry;
export type TransactionEntry = WriteEntry | ReadEntry;

export interface Transaction {
  readonly entries: readonly TransactionEntry[];
  readonly conditionalReferences: readonly ConditionalReference[];
}

export async function readTransaction(
  values: readonly JsonValue[],
  prefer: string,
  context: Context,
  pace: Pace,
): Promise<Transaction> {
  const findings = new Findings();
  const requests: EntryRequest[] = [];
  for (const [index, value] of values.entries()) {
    const request = findings.attempt(index, () => entryRequest(value, index, 'transaction', prefer, context));
    if (request !== undefined) requests.push(request);
    if (pace.due()) await pace.rest();
  }
  const survey = new LinkSurvey(namedBy(requests, findings), context, findings);
  const entries: TransactionEntry[] = [];
  for (const request of requests) {
    const entry = findings.attempt(request.index, () => readEntry(request, survey, context));
    if (entry !== undefined) entries.push(entry);
    if (pace.due()) await pace.rest();
  }
  findings.refuse();
  return { entries, conditionalReferences: survey.conditionalReferences };
}

/** The fullUrls, which may stand once each. */
function namedBy(requests: readonly EntryRequest[], findings: Findings): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { index, fullUrl } of requests) {
    if (fullUrl === undefined) continue;
    if (names.has(fullUrl)) findings.add('transaction-invalid', [repeatedName(index)]);
    names.add(fullUrl);
  }
  return names;
}

function repeatedName(index: number): Issue {
  return {
    severity: 'error',
    code: 'duplicate',
    text: 'This fullUrl stands at another entry too: references to it would be ambiguous, so give each entry its own.',
    expression: [`Bundle.entry[${index}].fullUrl`],
  };
}

function readEntry(request: EntryRequest, survey: LinkSurvey, context: Context): TransactionEntry {
  const { method } = request;
  if (method === 'GET') return { kind: 'read', request };
  const { shape, target } = locate(request.path, context.knowledge.definitions);
  if (shape === 'type' && method === 'POST') return createEntry(request, survey, context);
  if (shape !== 'type' && shape !== 'instance') throw notInTransaction(request);
  // The shape says which target it is.
  const { type, id } = target as InstanceTarget | { readonly type: string; readonly id?: never };
  const which = id === undefined ? { where: requestCondition(request, type, context) } : { id: checkId(id) };
  switch (method) {
    case 'PUT':
      permit(context, type, 'update', 'create');
      return updateEntry(request, type, which, survey, context);
    case 'PATCH':
      return { kind: 'patch', request, type, ...which, patch: readPatch(request, context) };
    case 'DELETE':
      permit(context, type, 'delete');
      return { kind: 'delete', request, type, ...which };
    default:
      throw notInTransaction(request);
  }
}

function createEntry(request: EntryRequest, survey: LinkSurvey, context: Context): CreateEntry {
  const type = request.path[0] as string; // a path of the shape `type` has one segment
  permit(context, type, 'create');
  const criteria = request.header('if-none-exist');
  const resource = entryResource(request, type, undefined, context);
  return {
    kind: 'create',
    request,
    type,
    resource,
    links: survey.take(resource, request),
    freshId: context.newId(),
    ...(criteria === undefined ? {} : { where: headerCondition(criteria, type, context) }),
  };
}

function updateEntry(
  request: EntryRequest,
  type: string,
  which: { readonly id: string } | { readonly where: Predicate },
  survey: LinkSurvey,
  context: Context,
): UpdateEntry {
  const id = 'id' in which ? which.id : undefined;
  const resource = entryResource(request, type, id, context);
  if (id !== undefined && resource.id !== id) throw idMismatch(type, resource.id === undefined);
  if (typeof resource.id === 'string') checkId(resource.id);
  const links = survey.take(resource, request);
  return { kind: 'update', request, type, ...which, resource, links, freshId: context.newId() };
}

function entryResource(
  request: EntryRequest,
  type: string,
  id: string | undefined,
  context: Context,
): ResourceObject {
  if (request.resource === undefined) {
    const text = `A ${request.method} needs the ${type} as "resource" of its entry.`;
    const expression = [`Bundle.entry[${request.index}].resource`];
    throw new Refusal('malformed-request', [{ severity: 'error', code: 'required', text, expression }]);
  }
  return readResource(request, type, id, context);
}

function notInTransaction({ index, method }: EntryRequest): Refusal {
  const text =
    `A transaction creates with POST [type], updates, patches and deletes by [type]/[id] or [type]?[criteria], and reads ` +
    `with GET: this ${method} is none of them.`;
  const expression = [`Bundle.entry[${index}].request.url`];
  return new Refusal('malformed-request', [{ severity: 'error', code: 'not-supported', text, expression }]);
}
