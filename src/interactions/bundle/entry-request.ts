/**
 * One entry of a batch or transaction as a request of its own.
 * https://hl7.org/fhir/R4/bundle.html#transaction, https://hl7.org/fhir/R4/http.html#patch (patches in bundles)
 *
 * Invariant: an entry is asked in the same words as an HTTP request, so both are understood by the same code.
 */
import { isObject, type JsonObject, type JsonValue, type ResourceObject } from '../../fhir/format/json.js';
import { Refusal, type RefusalKind } from '../../fhir/outcome.js';
import type { Context } from '../context.js';
import type { FhirRequest, QueryPair } from '../request.js';

export interface EntryRequest extends FhirRequest {
  /** Where the entry stands in its bundle. */
  readonly index: number;
  readonly fullUrl?: string;
}

/** Bundle.entry.request's elements that are headers elsewhere. */
const HEADERS: Readonly<Record<string, string>> = {
  'if-match': 'ifMatch',
  'if-none-match': 'ifNoneMatch',
  'if-modified-since': 'ifModifiedSince',
  'if-none-exist': 'ifNoneExist',
};

/** Operations that are answered before they are done. */
const BEGINNING_JOBS: ReadonlySet<string> = new Set(['$export', '$import', '$bulk-delete', '$purge']);

/** `prefer`: what the bundle's own request preferred, as a header. Throws what is wrong with the entry itself. */
export function entryRequest(
  value: JsonValue,
  index: number,
  bundleType: string,
  prefer: string,
  context: Context,
): EntryRequest {
  const { entry, request, method, url } = checkedEntry(value, index, bundleType, context);
  const resource = isObject(entry.resource) ? (entry.resource as ResourceObject) : undefined; // checked when it is used
  const content = method === 'PATCH' ? patchContent(resource) : undefined;
  return {
    index,
    ...(typeof entry.fullUrl === 'string' ? { fullUrl: entry.fullUrl } : {}),
    method: method === 'HEAD' ? 'GET' : method,
    ...target(url, index, context),
    header: (name) => {
      if (name === 'prefer') return prefer;
      if (name === 'content-type') return content?.type;
      const element = HEADERS[name];
      const text = element === undefined ? undefined : request[element];
      return typeof text === 'string' ? text : undefined;
    },
    ...(content === undefined ? (resource === undefined ? {} : { resource }) : { body: content.data }),
  };
}

interface CheckedEntry {
  readonly entry: JsonObject;
  readonly request: JsonObject;
  readonly method: string;
  readonly url: string;
}

/** The entry around its resource is validated as part of a bundle that has no other. */
function checkedEntry(entry: JsonValue, index: number, bundleType: string, context: Context): CheckedEntry {
  if (!isObject(entry)) throw misfit('malformed-request', 'An entry has to be an object.', index, '');
  const { resource: _resource, ...shell } = entry;
  const { request } = shell;
  if (!isObject(request) || typeof request.method !== 'string' || typeof request.url !== 'string') {
    const text = `An entry of a ${bundleType} needs "request" with "method" and "url", which say what to do.`;
    throw misfit('malformed-request', text, index, '.request');
  }
  const issues = context.knowledge.validate({ resourceType: 'Bundle', type: bundleType, entry: [shell] });
  if (issues.some((issue) => issue.severity === 'error' || issue.severity === 'fatal')) {
    const place = `Bundle.entry[${index}]`;
    throw new Refusal(
      'invalid-resource',
      issues.map((issue) => ({
        ...issue,
        text: issue.text.replace('Bundle.entry[0]', place),
        ...(issue.expression === undefined
          ? {}
          : { expression: issue.expression.map((each) => each.replace('Bundle.entry[0]', place)) }),
      })),
    );
  }
  return { entry, request, method: request.method, url: request.url };
}

/** Path and query of `Patient/1`, `Patient?identifier=…`; a URL below our own base is taken for what is below it. */
function target(
  url: string,
  index: number,
  context: Context,
): { readonly path: readonly string[]; readonly query: readonly QueryPair[] } {
  const own = url === context.baseUrl || url.startsWith(`${context.baseUrl}/`);
  const below = (own ? url.slice(context.baseUrl.length) : url).replace(/^\//, '');
  if (/^[a-z][a-z0-9+.-]*:/i.test(below)) {
    const text = 'The url of a request is relative to the base of this server, such as Patient/1.';
    throw misfit('malformed-request', text, index, '.request.url');
  }
  const mark = below.indexOf('?');
  const text = mark < 0 ? below : below.slice(0, mark);
  const path = text === '' ? [] : text.split('/').map((segment) => decoded(segment, index));
  if (path[0] === '_jobs' || BEGINNING_JOBS.has(path.at(-1) ?? '')) {
    const problem =
      'Jobs (exports, imports, deletes), their status and their files are asked for by themselves: a bundle holds resources.';
    throw misfit('malformed-request', problem, index, '.request.url');
  }
  return {
    path,
    query: mark < 0 ? [] : [...new URLSearchParams(below.slice(mark + 1))],
  };
}

function decoded(segment: string, index: number): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw misfit('malformed-request', 'The url has a broken percent escape.', index, '.request.url');
  }
}

/** A patch that is no resource travels in a Binary, with its own media type. */
function patchContent(
  resource: ResourceObject | undefined,
): { readonly type: string; readonly data: Buffer } | undefined {
  if (resource?.resourceType !== 'Binary' || typeof resource.contentType !== 'string') return undefined;
  const data = typeof resource.data === 'string' ? resource.data : '';
  return { type: resource.contentType, data: Buffer.from(data, 'base64') };
}

function misfit(kind: RefusalKind, text: string, index: number, below: string): Refusal {
  const expression = [`Bundle.entry[${index}]${below}`];
  return new Refusal(kind, [{ severity: 'error', code: 'invalid', text, expression }]);
}
