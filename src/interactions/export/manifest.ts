/**
 * The manifest of an export that is complete, and who may have its files.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
 *
 * Invariant: a file is given to who made the export alone, and only while they may still see all that is in it.
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import { Refusal } from '../../fhir/outcome.js';
import { formatInstant } from '../../fhir/primitives/date.js';
import { visible } from '../../ports/access-filter.js';
import type { Job } from '../../ports/jobs.js';
import type { Context } from '../context.js';
import type { JobFile, JobView } from '../jobs/job-kinds.js';
import { permit } from '../permit.js';
import {
  type ExportFile,
  type ExportSpec,
  filterText,
  readExportResult,
  readExportSpec,
} from './export-spec.js';

const NDJSON = 'application/fhir+ndjson';
/** What stands in the manifest as the type of a file that is not named by its resources. */
const LISTED_AS = { deleted: 'Bundle', error: 'OperationOutcome' } as const;

export const EXPORT_VIEW: JobView = { units: 'versions read', answer: manifest, file };

async function manifest(job: Job, context: Context): Promise<Buffer> {
  const { baseUrl, settings } = context;
  const spec = readExportSpec(job.spec);
  const files = await filesOf(job, context);
  const list = (wanted: ExportFile['list']): JsonObject[] =>
    files
      .filter((one) => one.list === wanted)
      .map((one) => ({
        ...typeOf(one),
        url: `${baseUrl}/_jobs/${job.id}/${one.name}`,
        count: one.count,
      }));
  return Buffer.from(
    serialise({
      transactionTime: formatInstant(job.time),
      request: spec.request,
      requiresAccessToken: settings.security !== undefined,
      ...(spec.organizedBy === undefined ? {} : { outputOrganizedBy: spec.organizedBy }),
      output: list('output'),
      ...(spec.since === undefined ? {} : { deleted: list('deleted') }),
      error: list('error'),
    }),
  );
}

function typeOf({ list, type }: ExportFile): JsonObject {
  const listed = list === 'output' ? type : LISTED_AS[list];
  return listed === undefined ? {} : { type: listed };
}

async function filesOf(job: Job, { jobs }: Context): Promise<readonly ExportFile[]> {
  const results = await jobs.store.results(job.id);
  return results.flatMap((result) => readExportResult(result).files);
}

async function file(job: Job, name: string, context: Context): Promise<JobFile | undefined> {
  const found = (await filesOf(job, context)).find((one) => one.name === name);
  if (found === undefined) return undefined;
  const spec = readExportSpec(job.spec);
  for (const type of found.types ?? (found.type === undefined ? [] : [found.type])) {
    permit(context, type, 'search');
    if (!mayStillSee(type, spec, context)) throw narrower(type);
  }
  const { size, sha256 } = found;
  return { size, sha256, contentType: NDJSON };
}

/**
 * All of the type, or just what the export was filtered by, or as much as the same scopes gave then. A scope on `patient/` says
 * nothing without its patient, so that the filter alone counts.
 */
function mayStillSee(type: string, { access, scope }: ExportSpec, context: Context): boolean {
  const now = context.access;
  if (visible(now.search, type).op === 'everything') return true;
  if (scope !== undefined && now.agent?.scope === scope && !scope.includes('patient/')) return true;
  return filterText(now.search, type) === filterText(access, type);
}

function narrower(type: string): Refusal {
  return new Refusal(
    'forbidden',
    `The file was made with a grant that showed more of ${type} than this one does: ask with the scopes of the kick-off.`,
  );
}
