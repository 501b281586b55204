/**
 * What a reference points at, as it is indexed and compared: a resource of this store, or a URL.
 * https://hl7.org/fhir/R4/search.html#reference, https://hl7.org/fhir/R4/references.html#canonical
 *
 * Invariant: index values and searches come through here, so that both sides see the same target.
 */
import { type ParsedReference, parseCanonical } from '../reference.js';
import type { ReferenceTarget } from './index-value.js';

/** undefined: contained, conditional or malformed; such a reference leads nowhere that a search could name. */
export function targetOf(parsed: ParsedReference): ReferenceTarget | undefined {
  switch (parsed.kind) {
    case 'local': {
      const { type, id, version } = parsed;
      return { kind: 'local', type, id, ...(version === undefined ? {} : { version }) };
    }
    case 'absolute':
      return canonicalTarget(parsed.url, parsed.version);
    case 'urn':
      return canonicalTarget(parsed.urn, undefined);
    case 'contained':
    case 'conditional':
    case 'invalid':
      return undefined;
  }
}

function canonicalTarget(text: string, restVersion: string | undefined): ReferenceTarget {
  const { url, version = restVersion } = parseCanonical(text);
  return { kind: 'url', url, ...(version === undefined ? {} : { version }) };
}
