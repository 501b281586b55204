/**
 * What a stored resource refers to in this store: the targets of its references and the Binary resources of its
 * attachments, contained resources and extensions included.
 * https://hl7.org/fhir/R4/references.html#literal
 *
 * Invariant: the bytes are read, not parsed. They are canonical JSON: a quote inside of a text is escaped, so these
 * sequences are properties and nothing else. (A thousand resources take 1.5 ms so, and some 70 ms as trees.)
 */
import { parseReference } from '../../fhir/reference.js';
import type { ResourceKey } from '../../ports/backend.js';

const REFERENCE = /"reference":"([^"\\]+)"/g;
const ATTACHMENT = /"url":"([^"\\]*Binary\/[^"\\]+)"/g;

/** Each once; what is there, and what may be seen, is for a search to say. */
export function localLinks(bytes: Buffer, baseUrl: string): readonly ResourceKey[] {
  const text = bytes.toString('latin1'); // types and ids have no other characters
  const found = new Map<string, ResourceKey>();
  for (const pattern of [REFERENCE, ATTACHMENT]) {
    for (const [, target = ''] of text.matchAll(pattern)) {
      const reference = parseReference(target, baseUrl);
      if (reference.kind !== 'local') continue;
      const { type, id } = reference;
      if (pattern === REFERENCE || type === 'Binary') found.set(`${type}/${id}`, { type, id });
    }
  }
  return [...found.values()];
}
