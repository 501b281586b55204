/**
 * What the client asks of the answer's form: Accept, _format and Prefer.
 * https://hl7.org/fhir/R4/http.html#mime-type, https://hl7.org/fhir/R4/http.html#return,
 * https://www.rfc-editor.org/rfc/rfc7240
 *
 * Invariant: only JSON is spoken; whoever takes nothing of it is told so (406) before anything is done.
 */
import { Refusal } from '../fhir/outcome.js';
import type { FhirRequest, QueryPair } from './request.js';

export const FHIR_JSON = 'application/fhir+json';

/** Forms of JSON by media type and, for _format, by short name. */
const JSON_FORMS: ReadonlySet<string> = new Set([FHIR_JSON, 'application/json', 'text/json', 'json']);

/** Parameters that say how to answer, not what: they rule no search and travel on in page links. */
export const FORM_PARAMETERS: ReadonlySet<string> = new Set(['_format', '_pretty']);

export function isJsonForm(mediaType: string): boolean {
  return JSON_FORMS.has(mediaType);
}

export interface MediaRange {
  /** Lower case, without parameters: `application/fhir+json`, `image/*`. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** `type/subtype; name=value`, names in lower case, values without quotes. */
export function parseMediaType(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';');
  const parameters = rest.map((parameter): [string, string] => {
    const [name = '', value = ''] = parameter.split('=', 2);
    return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1')];
  });
  return { type: type.trim().toLowerCase(), parameters: new Map(parameters) };
}

/** The ranges of an Accept header that are not excluded by q=0. */
export function acceptedRanges(accept: string): readonly MediaRange[] {
  return accept
    .split(',')
    .map(parseMediaType)
    .filter((range) => range.type !== '' && Number(range.parameters.get('q') ?? '1') !== 0);
}

/** fhirVersion=4.0 is ours; another version is not. https://hl7.org/fhir/R4/versioning.html#mt-version */
export function speaksOurVersion(range: MediaRange): boolean {
  const version = range.parameters.get('fhirversion');
  return version === undefined || version === '4.0';
}

/** An `_format` is asked first: it stands in for Accept. */
function acceptsJson(accept: string | undefined, format?: string): boolean {
  if (format !== undefined) return formatIsJson(format);
  if (accept === undefined || accept === '' || accept === '*/*' || accept === FHIR_JSON) return true;
  return acceptedRanges(accept).some(
    (range) =>
      (range.type === '*/*' || range.type === 'application/*' || isJsonForm(range.type)) &&
      speaksOurVersion(range),
  );
}

/** A `+` that was sent unescaped has arrived as a blank. */
function formatIsJson(format: string): boolean {
  const range = parseMediaType(format.trim().replaceAll(' ', '+'));
  return isJsonForm(range.type) && speaksOurVersion(range);
}

export function queryValue(query: readonly QueryPair[], name: string): string | undefined {
  return query.length === 0 ? undefined : query.find((pair) => pair[0] === name)?.[1];
}

export function requestAcceptsJson(request: FhirRequest): boolean {
  return acceptsJson(request.header('accept'), queryValue(request.query, '_format'));
}

export function notAcceptable(): Refusal {
  return new Refusal('not-acceptable', `Answers are JSON: accept ${FHIR_JSON}, or send _format=json.`);
}

export interface Preferences {
  readonly return: 'minimal' | 'representation' | 'OperationOutcome';
  readonly handling: 'strict' | 'lenient';
}

const RETURNS: ReadonlyMap<string, Preferences['return']> = new Map([
  ['minimal', 'minimal'],
  ['representation', 'representation'],
  ['operationoutcome', 'OperationOutcome'],
]);

/** What is not known is left aside, as RFC 7240 has it; the first of equal names counts. */
export function preferences(request: FhirRequest): Preferences {
  const header = request.header('prefer');
  if (header === undefined) return { return: 'representation', handling: 'strict' };
  const asked = new Map<string, string>();
  for (const preference of header.split(/[,;]/)) {
    const [name = '', value = ''] = preference.split('=', 2);
    const key = name.trim().toLowerCase();
    if (!asked.has(key))
      asked.set(
        key,
        value
          .trim()
          .replace(/^"(.*)"$/, '$1')
          .toLowerCase(),
      );
  }
  return {
    return: RETURNS.get(asked.get('return') ?? '') ?? 'representation',
    handling: asked.get('handling') === 'lenient' ? 'lenient' : 'strict',
  };
}
