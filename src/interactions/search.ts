/**
 * FHIR search: in a type, in a compartment, across types; GET and POST _search alike.
 * https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/search.html
 *
 * Invariant: pages are stored bytes between small pieces of text (a contained resource alone is cut out of its container); a page sequence reads as of its first page, and its
 * self link says what was executed.
 */

import { serialise } from '../fhir/format/serialise.js';
import { type Issue, operationOutcome } from '../fhir/outcome.js';
import { placeOf } from '../fhir/search/contained.js';
import { type ParsedSearch, parseSearch } from '../fhir/search/parse-search.js';
import type { SearchQuery } from '../fhir/search/query.js';
import type { PageKey, Position, SearchPage, SearchRequest, StoredResource } from '../ports/backend.js';
import { bundle, type EntryPieces, searchEntry } from './bundle-pieces.js';
import { containedBytes } from './contained-bytes.js';
import type { Context } from './context.js';
import { type Neighbours, openCursor, pageLinks } from './cursor.js';
import { explain } from './explanation.js';
import { FORM_PARAMETERS, preferences } from './negotiation.js';
import { searchableTypes } from './permit.js';
import { type Projection, projectBytes } from './projected.js';
import type { FhirRequest } from './request.js';
import { resolveQuery } from './resolve-query.js';
import type { FhirResponse } from './response.js';
import type { SearchTarget } from './target.js';

/** What all pages of a sequence have in common; `now` keeps `ap` and its like the same on every page. */
interface Origin {
  readonly now: number;
  readonly asOf: Position;
  /** As the first page had it. */
  readonly total?: number;
}

/** Where a sequence goes on. */
type Place = Origin & ({ readonly after: PageKey } | { readonly before: PageKey });

interface Execution {
  readonly path: string;
  readonly parsed: ParsedSearch;
  readonly now: number;
  readonly resumed?: Place;
}

export async function search(
  request: FhirRequest,
  target: SearchTarget,
  context: Context,
): Promise<FhirResponse> {
  const execution = await withAuditEvents(parse(request, target, context), context);
  const asked = await searchRequest(execution, target, context);
  if (execution.parsed.explain) return explain(execution.parsed, asked, context);
  const page = await context.backend.search(asked);
  const sequence = { path: execution.path, applied: execution.parsed.applied };
  const counted = execution.resumed?.total ?? page.total;
  const total = counted === undefined ? {} : { total: counted };
  const beside = neighbours({ now: execution.now, asOf: page.asOf, ...total }, page);
  const links = pageLinks('search-cursor', sequence, beside, request, context);
  const entries = entriesOf(execution, page, context);
  return { status: 200, headers: {}, body: bundle({ type: 'searchset', links, ...total }, entries) };
}

/** Audit events are made of the log a little later: a first page waits until they are there, or says that some are not. */
async function withAuditEvents(execution: Execution, context: Context): Promise<Execution> {
  const { parsed, resumed } = execution;
  if (context.auditing === undefined || resumed !== undefined) return execution;
  if (!parsed.query.parts.some(({ type }) => type === 'AuditEvent')) return execution;
  if (await context.auditing.follow(timeLeft(context))) return execution;
  const warning: Issue = {
    severity: 'warning',
    code: 'incomplete',
    text: 'Audit events of the latest requests are still being made: search again in a while.',
  };
  return { ...execution, parsed: { ...parsed, warnings: [...parsed.warnings, warning] } };
}

function neighbours(origin: Origin, { previous, next }: SearchPage): Neighbours<Place> {
  return {
    ...(previous === undefined ? {} : { previous: { ...origin, before: previous } }),
    ...(next === undefined ? {} : { next: { ...origin, after: next } }),
  };
}

function pathOf({ type, compartment }: SearchTarget): string {
  if (compartment === undefined) return type === undefined ? '' : `/${type}`;
  return `/${compartment.name}/${compartment.id}/${type ?? '*'}`;
}

function parse(request: FhirRequest, target: SearchTarget, context: Context): Execution {
  const path = pathOf(target);
  const cursor = openCursor<Place>('search-cursor', path, request.query, context);
  const now = cursor?.place.now ?? context.clock.now();
  const pairs = cursor?.applied ?? request.query.filter(([name]) => !FORM_PARAMETERS.has(name));
  const { settings, knowledge, baseUrl } = context;
  const parsed = parseSearch(knowledge.definitions, target, pairs, {
    lenient: preferences(request).handling === 'lenient',
    now,
    baseUrl,
    defaultCount: settings.defaultCount,
    maxCount: settings.maxCount,
  });
  return { path, parsed, now, ...(cursor === undefined ? {} : { resumed: cursor.place }) };
}

/**
 * Types that were named must be granted; of all others, those that are granted are searched. What is audited is asked
 * for by name.
 */
function searchable({ query, applied }: ParsedSearch, target: SearchTarget, context: Context): SearchQuery {
  const { parts, sort } = query;
  const types = searchableTypes(
    context,
    parts.map(({ type }) => type),
    namedTypes(target, applied),
  );
  return { parts: parts.filter(({ type }) => types.has(type)), sort };
}

/** Where only what is contained is asked for, it belongs to containers, whose types nobody names. */
function namedTypes({ type }: SearchTarget, applied: ParsedSearch['applied']): readonly string[] {
  if (applied.some(([name, value]) => name === '_contained' && value === 'true')) return [];
  if (type !== undefined) return [type];
  return applied.flatMap(([name, value]) => (name === '_type' ? value.split(',') : []));
}

async function searchRequest(
  { parsed, resumed }: Execution,
  target: SearchTarget,
  context: Context,
): Promise<SearchRequest> {
  const countOnly = parsed.summary === 'count' || parsed.count === 0;
  return {
    query: await resolveQuery(searchable(parsed, target, context), context),
    access: context.access.search,
    count: countOnly ? 0 : parsed.count,
    total: countOnly ? 'accurate' : parsed.total,
    includes: parsed.includes,
    ...placeIn(resumed),
    deadline: timeLeft(context),
  };
}

function placeIn(place: Place | undefined): Pick<SearchRequest, 'asOf' | 'after' | 'before'> {
  if (place === undefined) return {};
  const { asOf } = place;
  return 'before' in place ? { asOf, before: place.before } : { asOf, after: place.after };
}

/** What a search may take is never more than what is left for the whole request. */
export function timeLeft({ settings, deadline, clock }: Context): number {
  return Math.max(1, Math.min(settings.searchTimeLimit, deadline - clock.now()));
}

function entriesOf({ parsed }: Execution, page: SearchPage, context: Context): EntryPieces[] {
  if (parsed.summary === 'count' || parsed.count === 0) return outcomes(parsed.warnings, context);
  const projection = projectionOf(parsed);
  const entry = (mode: string) => (resource: StoredResource) => entryOf(resource, mode, projection, context);
  const issues = page.includesTruncated ? [...parsed.warnings, truncated(context)] : parsed.warnings;
  return [
    ...page.matches.map(entry('match')),
    ...page.included.map(entry('include')),
    ...outcomes(issues, context),
  ];
}

function projectionOf({ summary, elements }: ParsedSearch): Projection | undefined {
  const projected = summary === 'true' || summary === 'text' || summary === 'data' ? summary : undefined;
  if (projected === undefined && elements === undefined) return undefined;
  return {
    ...(projected === undefined ? {} : { summary: projected }),
    ...(elements === undefined ? {} : { elements }),
  };
}

function entryOf(
  resource: StoredResource,
  mode: string,
  projection: Projection | undefined,
  { baseUrl, knowledge }: Context,
): EntryPieces {
  const place = placeOf(resource);
  const shown = place === undefined ? resource.bytes : containedBytes(resource.bytes, place.localId);
  const bytes = projection === undefined ? shown : projectBytes(shown, projection, knowledge.definitions);
  return searchEntry(resource, bytes, mode, baseUrl);
}

export function truncated({ backend }: Context): Issue {
  return {
    severity: 'warning',
    code: 'incomplete',
    text: `More resources are included than the ${backend.capabilities.includeLimit} that fit on a page: ask for smaller pages with _count.`,
  };
}

/** What the client should know of the search itself, as an entry behind all others. */
export function outcomes(issues: readonly Issue[], context: Context): EntryPieces[] {
  if (issues.length === 0) return [];
  const resource = serialise(operationOutcome(issues));
  return [[`{"fullUrl":"urn:uuid:${context.newId()}","resource":${resource},"search":{"mode":"outcome"}}`]];
}
