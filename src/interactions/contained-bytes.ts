/**
 * A contained resource by itself, as a search with `_containedType=contained` answers it.
 * https://hl7.org/fhir/R4/search.html#contained
 *
 * Invariant: its elements and number literals are those of the container's stored bytes.
 */
import { assert } from '../base/assert.js';
import { isObject } from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';
import { parseStored } from './projected.js';

export function containedBytes(container: Buffer, localId: string): Buffer {
  const { contained } = parseStored(container);
  const found = Array.isArray(contained)
    ? contained.find((one) => isObject(one) && one.id === localId)
    : undefined;
  assert(found !== undefined, 'a contained resource was found by a search and is not in its container');
  return Buffer.from(serialise(found));
}
