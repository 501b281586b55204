/**
 * How a resource looks in a file: as it is stored, but for the elements that were not asked for, and attachments whose
 * relative URLs become absolute ones.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#attachments
 *
 * Invariant: what needs no change is not parsed.
 */
import type { Definitions } from '../../fhir/definitions/definitions.js';
import type { ExportSpec } from '../../interactions/export/export-spec.js';
import { projectBytes } from '../../interactions/projected.js';
import type { StoredResource } from '../../ports/backend.js';

/** In stored JSON this is a property and no text: a quotation mark inside of a text is escaped. */
const RELATIVE = Buffer.from('"url":"Binary/');

export function outputBytes(
  { elements, baseUrl }: ExportSpec,
  definitions: Definitions,
): (resource: StoredResource) => Buffer {
  const absolute = `"url":"${baseUrl}/Binary/`;
  return ({ bytes }) => {
    const shown = elements === undefined ? bytes : projectBytes(bytes, { elements }, definitions);
    return shown.includes(RELATIVE)
      ? Buffer.from(shown.toString('utf8').replaceAll(RELATIVE.toString(), absolute))
      : shown;
  };
}
