/**
 * The population as transaction bundles: what is shared first, then a bundle for each patient, then the groups.
 * https://hl7.org/fhir/R4/http.html#transaction
 *
 * Invariant: entries are PUTs by id, so a bundle can be sent twice and to any server; references are `Type/id`.
 */
import type { JsonObject, ResourceObject } from '../fhir/format/json.js';
import { groupResources, type PopulationOptions, patientResources, sharedResources } from './population.js';

export interface NamedBundle {
  /** `0-shared`, `1-patient-0000012`, `2-groups`: they sort in the order of loading. */
  readonly name: string;
  readonly bundle: ResourceObject;
  /** Resource types of its entries, in their order. */
  readonly types: readonly string[];
}

export function* bundles(options: PopulationOptions): Generator<NamedBundle, void, undefined> {
  yield named('0-shared', sharedResources(options));
  const start = options.start ?? 0;
  for (let index = start; index < start + options.patients; index++) {
    yield named(`1-patient-${String(index).padStart(7, '0')}`, patientResources(options, index));
  }
  yield named('2-groups', groupResources(options));
}

export function asTransaction(resources: Iterable<ResourceObject>): ResourceObject {
  const entry: JsonObject[] = [];
  for (const resource of resources) {
    const id = String(resource.id);
    entry.push({
      fullUrl: `urn:uuid:${id}`,
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${id}` },
    });
  }
  return { resourceType: 'Bundle', type: 'transaction', entry };
}

function named(name: string, resources: Iterable<ResourceObject>): NamedBundle {
  const list = [...resources];
  return { name, bundle: asTransaction(list), types: list.map(({ resourceType }) => resourceType) };
}
