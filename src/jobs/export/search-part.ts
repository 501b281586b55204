/**
 * A part that searches the records of a few patients, of whom there is an index: a scan would go through those of all.
 *
 * Invariant: what it finds is what a scan would have found; where a search cannot be as of then, or takes too long, a scan
 * takes its place.
 */
import { allOf } from '../../fhir/search/tree.js';
import type { ExportFile } from '../../interactions/export/export-spec.js';
import { type ExportWork, isForScan, searched } from './export-work.js';
import { latestProvenance } from './latest-provenance.js';
import { outputBytes } from './output-bytes.js';
import { OutputFiles } from './output-files.js';
import { exportedOf, inRecordsOf, timeTestsOf } from './records.js';

export interface SearchStep {
  readonly types: readonly string[];
  readonly patients: readonly string[];
}

/** Undefined: it must be scanned. */
export async function runSearch(
  { types, patients }: SearchStep,
  work: ExportWork,
): Promise<readonly ExportFile[] | undefined> {
  const { spec, bench } = work;
  const records = inRecordsOf(patients);
  const bytesOf = outputBytes(spec, bench.parts.knowledge.definitions);
  const files = new OutputFiles(bench);
  try {
    for (const type of types) {
      const isLatest = latestProvenance(type, records, work);
      const where = allOf([exportedOf(type, spec, records), ...timeTestsOf(type, spec)]);
      for await (const resource of searched({ parts: [{ type, where }], sort: [] }, work)) {
        if (isLatest === undefined || (await isLatest(resource)))
          await files.resource(type, bytesOf(resource));
      }
      bench.done(1);
    }
  } catch (error) {
    if (!isForScan(error)) throw error;
    await files.abandon();
    return undefined;
  }
  return files.close();
}
