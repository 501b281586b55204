/**
 * FHIR history: of an instance, a type, the whole system; newest first.
 * https://hl7.org/fhir/R4/http.html#history
 *
 * Invariant: of what never existed there is no history (404); deletions are entries without a resource.
 */
import { serialise } from '../fhir/format/serialise.js';
import { type Issue, Refusal } from '../fhir/outcome.js';
import { dateRange } from '../fhir/primitives/date.js';
import type { AccessFilter } from '../ports/access-filter.js';
import type { HistoryEntry, HistoryRequest, Position } from '../ports/backend.js';
import { bundle, type EntryPieces, fullUrl } from './bundle-pieces.js';
import type { Context } from './context.js';
import { type Neighbours, openCursor, pageLinks } from './cursor.js';
import { FORM_PARAMETERS, preferences } from './negotiation.js';
import { permit } from './permit.js';
import { notFound } from './read.js';
import type { FhirRequest, QueryPair } from './request.js';
import type { FhirResponse } from './response.js';
import type { HistoryTarget } from './target.js';
import { versionHeaders } from './version-headers.js';

interface Place {
  readonly before: Position;
}

/** The query as understood. */
interface HistoryQuery extends Pick<HistoryRequest, 'count' | 'since' | 'at'> {
  readonly applied: readonly QueryPair[];
}

export async function history(
  request: FhirRequest,
  target: HistoryTarget,
  context: Context,
): Promise<FhirResponse> {
  const path = pathOf(target);
  const cursor = openCursor<Place>('history-cursor', path, request.query, context);
  const query = parse(cursor?.applied ?? request.query, preferences(request).handling === 'lenient', context);
  const { applied, ...asked } = query;
  const page = await context.backend.history({
    ...asked,
    ...target,
    access: access(target, context),
    ...cursor?.place,
  });
  if (page.entries.length === 0 && cursor === undefined) await mustExist(target, context);
  const beside: Neighbours<Place> = page.next === undefined ? {} : { next: { before: page.next } };
  const links = pageLinks('history-cursor', { path, applied }, beside, request, context);
  const total = page.total === undefined ? {} : { total: page.total };
  const entries = page.entries.map((entry) => entryOf(entry, context.baseUrl));
  return { status: 200, headers: {}, body: bundle({ type: 'history', links, ...total }, entries) };
}

function pathOf({ type, id }: HistoryTarget): string {
  return `${type === undefined ? '' : `/${type}`}${id === undefined ? '' : `/${id}`}/_history`;
}

/** Of one resource it is many reads, of several a search. */
function access({ type, id }: HistoryTarget, context: Context): AccessFilter {
  const { read, search } = context.access;
  if (type !== undefined) permit(context, type, id === undefined ? 'search' : 'read');
  return id === undefined ? search : read;
}

async function mustExist({ type, id }: HistoryTarget, context: Context): Promise<void> {
  if (type === undefined || id === undefined) return;
  const result = await context.backend.read({ type, id }, context.access.read);
  if (result.kind === 'absent') throw notFound(result, { type }, context.baseUrl);
}

type Parameter = (value: string, context: Context) => Omit<Partial<HistoryQuery>, 'applied'> | undefined;

/** https://hl7.org/fhir/R4/http.html#history; undefined = the value is not what the parameter takes. */
const PARAMETERS: Readonly<Record<string, { readonly takes: string; readonly read: Parameter }>> = {
  _count: {
    takes: 'a whole number of entries, such as 50',
    read: (value, { settings }) =>
      /^\d{1,9}$/.test(value) ? { count: Math.min(Number(value), settings.maxCount) } : undefined,
  },
  _since: {
    takes: 'an instant, such as 2024-01-31T12:00:00Z',
    read: (value) => {
      const range = dateRange(value);
      return range === undefined ? undefined : { since: range.lo };
    },
  },
  _at: {
    takes: 'a date or time, such as 2024-01-31',
    read: (value) => {
      const range = dateRange(value);
      return range === undefined ? undefined : { at: { from: range.lo, to: range.hi } };
    },
  },
};

function parse(pairs: readonly QueryPair[], lenient: boolean, context: Context): HistoryQuery {
  const issues: Issue[] = [];
  const applied: QueryPair[] = [];
  let query: Omit<HistoryQuery, 'applied'> = { count: context.settings.defaultCount };
  for (const [name, value] of pairs) {
    if (FORM_PARAMETERS.has(name)) continue;
    const parameter = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
    const read = parameter?.read(value, context);
    if (read !== undefined) {
      query = { ...query, ...read };
      applied.push([name, read.count === undefined ? value : String(read.count)]);
    } else if (parameter !== undefined) {
      issues.push({ severity: 'error', code: 'value', text: `${name} takes ${parameter.takes}.` });
    } else if (!lenient) {
      issues.push(unknownParameter(name));
    }
  }
  if (issues.length > 0) throw new Refusal('invalid-parameter', issues);
  return { ...query, applied };
}

function unknownParameter(name: string): Issue {
  const known = Object.keys(PARAMETERS).join(', ');
  const text = `A history has no parameter ${serialise(name)}: it takes ${known}.`;
  return { severity: 'error', code: 'not-supported', text };
}

/** A create is told from the later writes by its method; a PUT of the first version created as well. */
function statusOf(entry: HistoryEntry, versionId: string): string {
  if (entry.kind === 'deleted') return '204';
  return entry.method === 'POST' || versionId === '1' ? '201' : '200';
}

function entryOf(entry: HistoryEntry, baseUrl: string): EntryPieces {
  const version = entry.kind === 'version' ? entry.resource : entry.deleted;
  const { type, id, versionId, lastUpdated } = version;
  const url = entry.method === 'POST' ? type : `${type}/${id}`;
  const etag = serialise(versionHeaders(version).etag);
  const modified = new Date(lastUpdated).toISOString();
  const about =
    `"request":{"method":"${entry.method}","url":"${url}"},` +
    `"response":{"status":"${statusOf(entry, versionId)}","etag":${etag},"lastModified":"${modified}"}}`;
  const opening = `{${fullUrl(version, baseUrl)},`;
  return entry.kind === 'deleted'
    ? [opening + about]
    : [`${opening}"resource":`, entry.resource.bytes, `,${about}`];
}
