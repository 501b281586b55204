/**
 * `includeAssociatedData=LatestProvenanceResources`: of what is exported, the Provenance that was stored last.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters
 *
 * Invariant: a Provenance with several targets counts when it is the latest of one that is exported.
 */
import { isObject } from '../../fhir/format/json.js';
import { parseReference } from '../../fhir/reference.js';
import type { Predicate, SearchQuery } from '../../fhir/search/query.js';
import { allOf } from '../../fhir/search/tree.js';
import { parseStored } from '../../interactions/projected.js';
import type { StoredResource } from '../../ports/backend.js';
import { type ExportWork, searched } from './export-work.js';
import { exportedOf, PROVENANCE, timeTestsOf } from './records.js';

/** Undefined: whatever passed is exported. */
export function latestProvenance(
  type: string,
  records: Predicate,
  work: ExportWork,
): ((resource: StoredResource) => Promise<boolean>) | undefined {
  const { spec } = work;
  if (type !== PROVENANCE || spec.provenance !== 'latest') return undefined;
  const types = new Set(spec.types.filter((one) => one !== PROVENANCE));
  return async ({ id, bytes }) => {
    for (const target of targetsOf(bytes, spec.baseUrl)) {
      if (!types.has(target.type)) continue;
      const exported = allOf([
        { op: 'id', ids: [target.id] },
        exportedOf(target.type, spec, records),
        ...timeTestsOf(target.type, spec),
      ]);
      if ((await first({ parts: [{ type: target.type, where: exported }], sort: [] }, work)) === undefined)
        continue;
      if ((await first(latestOf(target), work))?.id === id) return true;
    }
    return false;
  };
}

function latestOf({ type, id }: { readonly type: string; readonly id: string }): SearchQuery {
  const test = { kind: 'reference', target: { kind: 'local', types: [type], id } } as const;
  return {
    parts: [{ type: PROVENANCE, where: { op: 'value', param: 'target', test } }],
    sort: [{ param: '_lastUpdated', kind: 'date', descending: true }],
  };
}

async function first(query: SearchQuery, work: ExportWork): Promise<StoredResource | undefined> {
  for await (const match of searched(query, work, 1)) return match;
  return undefined;
}

function targetsOf(
  bytes: Buffer,
  baseUrl: string,
): readonly { readonly type: string; readonly id: string }[] {
  const { target } = parseStored(bytes);
  return (Array.isArray(target) ? target : []).flatMap((one) => {
    const text = isObject(one) ? one.reference : undefined;
    const reference = typeof text === 'string' ? parseReference(text, baseUrl) : undefined;
    return reference?.kind === 'local' ? [reference] : [];
  });
}
