/**
 * Binary outside its resource: raw content in and out.
 * https://hl7.org/fhir/R4/binary.html#rest
 *
 * Invariant: raw content is sent only to who asks for its media type, and never so that a browser would run it.
 */
import { isObject, type ResourceObject } from '../fhir/format/json.js';
import type { StoredResource } from '../ports/backend.js';
import { contentType, readBody } from './content.js';
import type { Context } from './context.js';
import { acceptedRanges, FHIR_JSON, isJsonForm, parseMediaType, queryValue } from './negotiation.js';
import { parseStored } from './projected.js';
import type { FhirRequest } from './request.js';
import type { FhirResponse } from './response.js';
import { isUnmodified, versionHeaders } from './version-headers.js';
import { checkResource } from './write.js';

/** The content itself where Accept names its media type; undefined = answer with the resource. */
export function binaryResponse(request: FhirRequest, stored: StoredResource): FhirResponse | undefined {
  const accept = request.header('accept');
  if (accept === undefined || queryValue(request.query, '_format') !== undefined) return undefined;
  const asked = acceptedRanges(accept).map((range) => range.type);
  if (asked.every((type) => type === '*/*' || type === FHIR_JSON)) return undefined;
  const { contentType: type, data, securityContext } = parseStored(stored.bytes);
  if (typeof type !== 'string' || !asked.some((range) => covers(range, parseMediaType(type).type))) {
    return undefined;
  }
  const about = isObject(securityContext) ? securityContext.reference : undefined;
  const headers = {
    ...versionHeaders(stored),
    'content-type': headerText(type) ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
    ...(typeof about === 'string' && headerText(about) !== undefined ? { 'x-security-context': about } : {}),
  };
  if (isUnmodified(request, stored)) return { status: 304, headers: versionHeaders(stored) };
  return { status: 200, headers, body: [Buffer.from(typeof data === 'string' ? data : '', 'base64')] };
}

function covers(range: string, type: string): boolean {
  if (range === '*/*') return false;
  return range === type || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)));
}

/** Undefined where the text cannot stand in a header. */
function headerText(text: string): string | undefined {
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/** The resource in a request's body: for a Binary that is not FHIR JSON, one is made of the content. */
export function readResource(
  request: FhirRequest,
  type: string,
  id: string | undefined,
  context: Context,
): ResourceObject {
  const media = contentType(request);
  if (type !== 'Binary' || media === undefined || isJsonForm(media.type) || request.resource !== undefined) {
    return checkResource(readBody(request), type, context);
  }
  const about = request.header('x-security-context');
  const binary: ResourceObject = {
    resourceType: 'Binary',
    ...(id === undefined ? {} : { id }),
    contentType: request.header('content-type') ?? media.type,
    ...(about === undefined ? {} : { securityContext: { reference: about } }),
    ...(request.body === undefined || request.body.length === 0
      ? {}
      : { data: request.body.toString('base64') }),
  };
  return checkResource(binary, type, context);
}
