/** The search parameters that a search on a type understands: what the CapabilityStatement may promise. */
import type { Definitions, SearchParameter } from '../fhir/definitions/definitions.js';

/** Known to the store itself, so that no expression finds their values. */
const STORE_PARAMETERS: ReadonlySet<string> = new Set(['_id', '_lastUpdated', '_text', '_content']);

export function searchableParameters(definitions: Definitions, type: string): readonly SearchParameter[] {
  return [...(definitions.searchParameters.get(type)?.values() ?? [])]
    .filter(
      ({ code, expression, custom }) =>
        custom?.indexing === undefined && (expression !== undefined || STORE_PARAMETERS.has(code)),
    )
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}
