/**
 * A Bundle that tells of deletions, as exports have them, as a transaction of deletes.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
 *
 * Invariant: whatever else stands in it is refused: nobody who tells of deletions writes by it.
 */
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';

const TARGET = /^[A-Z][A-Za-z]{0,63}\/[A-Za-z0-9\-.]{1,64}$/;

/** A resource once, in the order of the entries; throws a Refusal. */
export function deletionsIn({ resourceType, type, entry }: JsonObject): JsonObject {
  if (resourceType !== 'Bundle' || type !== 'transaction') {
    throw new Refusal('invalid-resource', 'The line is no Bundle of type transaction, as deletions are.');
  }
  const targets = (Array.isArray(entry) ? entry : []).map(targetOf);
  return {
    resourceType,
    type,
    entry: [...new Set(targets)].map((url) => ({ request: { method: 'DELETE', url } })),
  };
}

function targetOf(entry: JsonValue): string {
  const request = isObject(entry) ? entry.request : undefined;
  const { method, url } = isObject(request) ? request : {};
  if (method === 'DELETE' && typeof url === 'string' && TARGET.test(url)) return url;
  throw new Refusal(
    'invalid-resource',
    'An entry of the Bundle is no DELETE of one resource by its type and id.',
  );
}
