/**
 * A part of an export that is organized by patients: each record stands behind a header that names its patient.
 * https://build.fhir.org/ig/HL7/bulk-data/export.html#query-parameters (organizeOutputBy)
 *
 * Invariant: between a header and the next stands what belongs to that patient, whole.
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import type { QueryPart } from '../../fhir/search/query.js';
import { allOf, EVERYTHING } from '../../fhir/search/tree.js';
import type { ExportFile, ExportSlice } from '../../interactions/export/export-spec.js';
import { type ExportWork, searched } from './export-work.js';
import { outputBytes } from './output-bytes.js';
import { OutputFiles } from './output-files.js';
import { exportedOf, inRecordsOf, timeTestsOf } from './records.js';

export type RecordsStep = { readonly patients: readonly string[] } | { readonly slice: ExportSlice };

export async function runRecords(step: RecordsStep, work: ExportWork): Promise<readonly ExportFile[]> {
  const files = new OutputFiles(work.bench);
  for await (const patient of patientsOf(step, work)) {
    await writeRecord(patient, files, work);
    work.bench.done(1);
  }
  return files.close();
}

async function* patientsOf(step: RecordsStep, { spec, job, bench }: ExportWork): AsyncGenerator<string> {
  if ('patients' in step) {
    yield* step.patients;
    return;
  }
  const { access } = spec;
  const asked = { ...step.slice, asOf: job.position, access, where: EVERYTHING };
  for await (const { resources } of bench.parts.backend.scan(asked)) {
    for (const { id } of resources) yield id;
  }
}

async function writeRecord(patient: string, files: OutputFiles, work: ExportWork): Promise<void> {
  const { spec, bench } = work;
  const records = inRecordsOf([patient]);
  const bytesOf = outputBytes(spec, bench.parts.knowledge.definitions);
  const parts = spec.types.map((type): QueryPart => {
    const where = allOf([exportedOf(type, spec, records), ...timeTestsOf(type, spec)]);
    return { type, where };
  });
  let isFirst = true;
  for await (const resource of searched({ parts, sort: [] }, work)) {
    if (isFirst) await files.inRecord(undefined, Buffer.from(serialise(header(patient))));
    isFirst = false;
    await files.inRecord(resource.type, bytesOf(resource));
  }
}

function header(patient: string): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [{ name: 'header', valueReference: { reference: `Patient/${patient}` } }],
  };
}
