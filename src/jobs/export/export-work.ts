/** What every part of an export is given. */

import { Refusal, type RefusalKind } from '../../fhir/outcome.js';
import type { SearchQuery } from '../../fhir/search/query.js';
import type { ExportSpec } from '../../interactions/export/export-spec.js';
import type { SearchPage, StoredResource } from '../../ports/backend.js';
import type { Job } from '../../ports/jobs.js';
import type { Workbench } from '../job-kind.js';

export interface ExportWork {
  readonly spec: ExportSpec;
  readonly job: Job;
  readonly bench: Workbench;
}

const PAGE = 500;
/** Longer than a request may take: nobody waits. */
const DEADLINE = 60_000;

/** All matches as of the export, by its access. */
export async function* searched(
  query: SearchQuery,
  { spec, job, bench }: ExportWork,
  count = PAGE,
): AsyncGenerator<StoredResource> {
  let page: SearchPage | undefined;
  do {
    page = await bench.parts.backend.search({
      query,
      access: spec.access,
      count,
      total: 'none',
      includes: [],
      asOf: job.position,
      ...(page?.next === undefined ? {} : { after: page.next }),
      deadline: DEADLINE,
    });
    yield* page.matches;
    bench.done(0);
  } while (page.next !== undefined);
}

/** Too much has changed since, or is to be looked at: a scan takes the search's place. */
const SCANNED_INSTEAD: ReadonlySet<RefusalKind> = new Set(['cursor-invalid', 'too-costly', 'unavailable']);

export function isForScan(error: unknown): boolean {
  return error instanceof Refusal && SCANNED_INSTEAD.has(error.kind);
}
