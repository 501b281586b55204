/**
 * Files of OperationOutcomes that a job leaves: one line for each thing that was refused.
 * https://hl7.org/fhir/R4/operationoutcome.html
 */
import type { JsonObject } from '../../fhir/format/json.js';
import type { JobFile } from './job-kinds.js';

export interface ErrorFile {
  readonly name: string;
  /** Lines. */
  readonly count: number;
  readonly size: number;
  readonly sha256: string;
}

/** As manifests list it; `base`: the URL of the job. */
export function listedError({ name, count }: ErrorFile, base: string): JsonObject {
  return { type: 'OperationOutcome', url: `${base}/${name}`, count };
}

export function errorJobFile(files: readonly ErrorFile[], name: string): JobFile | undefined {
  const found = files.find((file) => file.name === name);
  if (found === undefined) return undefined;
  return { size: found.size, sha256: found.sha256, contentType: 'application/fhir+ndjson' };
}
