/**
 * The plan of an export: which stretches of which types its parts go through, or whose records they search.
 *
 * Invariant: the slices of all parts together are every version of the exported types that may count, each once.
 */
import type { QueryPart } from '../../fhir/search/query.js';
import { type ExportSlice, type ExportSpec, writeSpec } from '../../interactions/export/export-spec.js';
import type { NewPart, PartOutcome } from '../../ports/jobs.js';
import { type ExportWork, searched } from './export-work.js';
import { OutputFiles } from './output-files.js';
import { type Patients, PROVENANCE, patientsAsked, provenanceComesAlong, timesOf } from './records.js';

/** So many patients are searched one by one; the records of more are found by going through all. */
const FEW_PATIENTS = 50;
/** Records in a part, where output is organized by them. */
const RECORDS = 500;

export async function plan(work: ExportWork): Promise<PartOutcome> {
  const { spec, bench } = work;
  const files = new OutputFiles(bench);
  await files.note(spec.notes);
  return { result: writeSpec({ files: await files.close() }), next: await partsOf(work) };
}

async function partsOf(work: ExportWork): Promise<readonly NewPart[]> {
  const { spec } = work;
  const patients = await patientsAsked(work);
  if (spec.organizedBy !== undefined) return recordParts(patients, work);
  // Deletions are in no index.
  const isFew = patients !== undefined && patients.length <= FEW_PATIENTS && spec.since === undefined;
  if (!isFew) return scanParts(work);
  const there = await thoseThere(patients, work);
  const types = typesOf(spec);
  return there.length === 0
    ? []
    : [{ spec: writeSpec({ step: 'search', types, patients: there }), total: types.length }];
}

async function thoseThere(patients: readonly string[], work: ExportWork): Promise<readonly string[]> {
  const part: QueryPart = { type: 'Patient', where: { op: 'id', ids: patients } };
  const there: string[] = [];
  for await (const { id } of searched({ parts: [part], sort: [] }, work)) there.push(id);
  return there;
}

/** Small slices share a part. */
export async function scanParts({ spec, job, bench }: ExportWork): Promise<readonly NewPart[]> {
  const { backend } = bench.parts;
  const { partSize } = bench.settings;
  const parts: NewPart[] = [];
  let slices: ExportSlice[] = [];
  let total = 0;
  const cut = (): void => {
    if (slices.length > 0) parts.push({ spec: writeSpec({ step: 'scan', slices }), total });
    slices = [];
    total = 0;
  };
  for (const type of typesOf(spec)) {
    const ranges = await backend.ranges({ type, asOf: job.position, ...timesOf(type, spec), size: partSize });
    for (const { from, to, versions } of ranges) {
      if (total + versions > partSize) cut();
      slices.push({ type, from, to });
      total += versions;
    }
    bench.done(0);
  }
  cut();
  return parts;
}

async function recordParts(patients: Patients, work: ExportWork): Promise<readonly NewPart[]> {
  const { job, bench } = work;
  if (patients === undefined) {
    const ranges = await bench.parts.backend.ranges({ type: 'Patient', asOf: job.position, size: RECORDS });
    return ranges.map(({ from, to, versions }) => ({
      spec: writeSpec({ step: 'records', slice: { type: 'Patient', from, to } }),
      total: versions,
    }));
  }
  const parts: NewPart[] = [];
  for (let from = 0; from < patients.length; from += RECORDS) {
    const there = await thoseThere(patients.slice(from, from + RECORDS), work);
    if (there.length > 0)
      parts.push({ spec: writeSpec({ step: 'records', patients: there }), total: there.length });
  }
  return parts;
}

function typesOf(spec: ExportSpec): readonly string[] {
  const { types } = spec;
  return provenanceComesAlong(spec) && !types.includes(PROVENANCE) ? [...types, PROVENANCE] : types;
}
