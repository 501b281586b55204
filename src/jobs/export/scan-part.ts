/**
 * A part that goes through stretches of versions.
 *
 * Invariant: where nothing is hidden, sorted out or left away, stored bytes go to the file as they are.
 */
import type { ExportFile, ExportSlice } from '../../interactions/export/export-spec.js';
import type { ExportWork } from './export-work.js';
import { latestProvenance } from './latest-provenance.js';
import { outputBytes } from './output-bytes.js';
import { OutputFiles } from './output-files.js';
import { exportedOf, inRecords, patientsAsked, timesOf, wasInRecords } from './records.js';

export async function runScan(
  slices: readonly ExportSlice[],
  work: ExportWork,
): Promise<readonly ExportFile[]> {
  const { spec, job, bench } = work;
  const { backend } = bench.parts;
  const patients = await patientsAsked(work);
  const records = inRecords(spec, patients);
  const files = new OutputFiles(bench);
  for (const { type, from, to } of slices) {
    const where = exportedOf(type, spec, records);
    const bytesOf = outputBytes(spec, bench.parts.knowledge.definitions);
    const times = timesOf(type, spec);
    const isLatest = latestProvenance(type, records, work);
    const deletions = times.since === undefined ? {} : { deletions: wasInRecords(spec, patients) };
    const scan = backend.scan({
      type,
      from,
      to,
      asOf: job.position,
      ...times,
      access: spec.access,
      where,
      ...deletions,
    });
    for await (const { resources, deleted } of scan) {
      for (const resource of resources) {
        if (isLatest !== undefined && !(await isLatest(resource))) continue;
        const full = files.resource(type, bytesOf(resource));
        if (full !== undefined) await full;
      }
      for (const key of deleted) await files.deletion(key);
      bench.done(resources.length + deleted.length);
    }
  }
  return files.close();
}
