/**
 * The manifest of an export that is complete, and who may have its files.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
 *
 * Invariant: a file is given to who made the export alone, and only while what they may see of its types,
 * and of those that it was chosen by, is what it was made under, or all.
 */
import { showsAtLeast } from '../../access/compare-filters.js';
import type { JsonObject } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import { Refusal } from '../../fhir/outcome.js';
import { formatInstant } from '../../fhir/primitives/date.js';
import { typesLedTo } from '../../fhir/search/tree.js';
import type { Job } from '../../ports/jobs.js';
import type { Context } from '../context.js';
import type { JobFile, JobView } from '../jobs/job-kinds.js';
import { permit } from '../permit.js';
import { type ExportFile, type ExportSpec, readExportResult, readExportSpec } from './export-spec.js';

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
  const types = typesIn(found);
  for (const type of types) permit(context, type, 'search');
  const seen = new Set([...types, ...(types.length === 0 ? [] : typesAsked(spec))]);
  for (const type of seen) if (!showsAtLeast(context.access.search, spec.access, type)) throw narrower(type);
  const { size, sha256 } = found;
  return { size, sha256, contentType: NDJSON };
}

/** None: what could not be done. */
function typesIn({ type, types }: ExportFile): readonly string[] {
  return types ?? (type === undefined ? [] : [type]);
}

/** That something is in a file tells of what it was chosen by. */
function typesAsked({ level, filters }: ExportSpec): readonly string[] {
  const criteria = Object.entries(filters).flatMap(([type, where]) => [type, ...typesLedTo(where)]);
  if (level.kind === 'system') return criteria;
  const members = level.kind === 'group' && level.members !== undefined ? typesLedTo(level.members) : [];
  return ['Patient', ...members, ...criteria];
}

function narrower(type: string): Refusal {
  return new Refusal(
    'forbidden',
    `The file was made with access that showed more of ${type}, or other things, than yours does now: export anew.`,
  );
}
