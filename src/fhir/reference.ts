/**
 * What the text of a reference means.
 * https://hl7.org/fhir/R4/references.html#literal, https://hl7.org/fhir/R4/http.html#trules (conditional references),
 * https://hl7.org/fhir/R4/references.html#canonical
 *
 * Invariant: what lies under our own base URL is local; whether its type exists is for the definitions to say.
 */
export type ParsedReference =
  /** `Patient/1`, `Patient/1/_history/2`: a resource of this store. */
  | { readonly kind: 'local'; readonly type: string; readonly id: string; readonly version?: string }
  /** A URL of another place, without `/_history/…`; type and id where it ends like a FHIR REST address. */
  | {
      readonly kind: 'absolute';
      readonly url: string;
      readonly type?: string;
      readonly id?: string;
      readonly version?: string;
    }
  /** `urn:uuid:…`, `urn:oid:…` */
  | { readonly kind: 'urn'; readonly urn: string }
  /** `#p1`; '' is the containing resource itself. */
  | { readonly kind: 'contained'; readonly fragment: string }
  /** `Patient?identifier=…`, resolved while a transaction is committed. */
  | { readonly kind: 'conditional'; readonly type: string; readonly query: string }
  | { readonly kind: 'invalid' };

export interface ParsedCanonical {
  readonly url: string;
  readonly version?: string;
  readonly fragment?: string;
}

const REST = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;
const REST_TAIL = /\/([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;
const CONDITIONAL = /^([A-Z][A-Za-z]+)\?(\S+)$/;
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/;
const URN = /^urn:/i;
const FRAGMENT = /^#\S*$/;
const INVALID: ParsedReference = { kind: 'invalid' };

/** `baseUrl`: our own, without a slash at the end. */
export function parseReference(text: string, baseUrl?: string): ParsedReference {
  const own = baseUrl !== undefined && text.startsWith(`${baseUrl}/`);
  const local = REST.exec(own ? text.slice(baseUrl.length + 1) : text);
  if (local?.[1] !== undefined && local[2] !== undefined) {
    return { kind: 'local', type: local[1], id: local[2], ...versionOf(local[3]) };
  }
  if (FRAGMENT.test(text)) return { kind: 'contained', fragment: text.slice(1) };
  const conditional = CONDITIONAL.exec(text);
  if (conditional?.[1] !== undefined && conditional[2] !== undefined) {
    return { kind: 'conditional', type: conditional[1], query: conditional[2] };
  }
  if (!ABSOLUTE.test(text)) return INVALID;
  return URN.test(text) ? { kind: 'urn', urn: text } : absolute(text);
}

/** `url|version#fragment`; a version or fragment that is empty is taken as absent. */
export function parseCanonical(text: string): ParsedCanonical {
  const hash = text.indexOf('#');
  const fragment = hash < 0 ? '' : text.slice(hash + 1);
  const whole = hash < 0 ? text : text.slice(0, hash);
  const bar = whole.indexOf('|');
  const version = bar < 0 ? '' : whole.slice(bar + 1);
  return {
    url: bar < 0 ? whole : whole.slice(0, bar),
    ...(version === '' ? {} : { version }),
    ...(fragment === '' ? {} : { fragment }),
  };
}

function absolute(text: string): ParsedReference {
  const rest = REST_TAIL.exec(text);
  if (rest?.[1] === undefined || rest[2] === undefined) return { kind: 'absolute', url: text };
  const version = rest[3];
  const url = version === undefined ? text : text.slice(0, -`/_history/${version}`.length);
  return { kind: 'absolute', url, type: rest[1], id: rest[2], ...versionOf(version) };
}

function versionOf(version: string | undefined): { readonly version?: string } {
  return version === undefined ? {} : { version };
}
