/**
 * The request's body as a tree.
 * https://hl7.org/fhir/R4/http.html#mime-type
 *
 * Invariant: bodies are JSON in UTF-8; anything else is refused by its media type, before it is looked at.
 */
import type { JsonValue } from '../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../fhir/format/parse.js';
import { Refusal } from '../fhir/outcome.js';
import { FHIR_JSON, isJsonForm, type MediaRange, parseMediaType, speaksOurVersion } from './negotiation.js';
import type { FhirRequest } from './request.js';

/** Undefined where the request does not say. */
export function contentType(request: FhirRequest): MediaRange | undefined {
  const header = request.header('content-type');
  return header === undefined || header === '' ? undefined : parseMediaType(header);
}

/** The body of a request that must carry FHIR JSON. A body that does not name its type is taken for it. */
export function readBody(request: FhirRequest): JsonValue {
  if (request.resource !== undefined) return request.resource;
  checkIsJson(request);
  return readJson(request);
}

/** The same before it is parsed. */
export function readText(request: FhirRequest): string {
  checkIsJson(request);
  return decode(request.body);
}

function checkIsJson(request: FhirRequest): void {
  const type = contentType(request);
  if (type !== undefined && !(isJsonForm(type.type) && speaksOurVersion(type))) {
    throw unsupportedMediaType([FHIR_JSON]);
  }
}

export function unsupportedMediaType(offered: readonly string[]): Refusal {
  return new Refusal(
    'unsupported-media-type',
    `This Content-Type is not understood here: send ${offered.join(' or ')}.`,
    { accept: offered.join(', ') },
  );
}

/** The body as JSON, whatever its media type. */
export function readJson(request: FhirRequest): JsonValue {
  if (request.resource !== undefined) return request.resource;
  const text = decode(request.body);
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new Refusal('malformed-json', `The body is not JSON: ${error.message}`);
  }
}

function decode(body: Buffer | undefined): string {
  if (body === undefined || body.length === 0) {
    throw new Refusal('malformed-json', `The body is empty: send a resource as ${FHIR_JSON}.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Refusal('malformed-json', 'The body is not UTF-8, in which FHIR JSON has to be encoded.');
  }
}
