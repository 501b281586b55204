/** What a bulk delete that is complete came to: how many of which type, and files that tell what stayed, and why. */
import type { JsonObject } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import { formatInstant } from '../../fhir/primitives/date.js';
import type { Job } from '../../ports/jobs.js';
import type { Context } from '../context.js';
import { errorJobFile, listedError } from '../jobs/error-file.js';
import type { JobFile, JobView } from '../jobs/job-kinds.js';
import { type DeleteCounts, type DeleteResult, readDeleteResult, readDeleteSpec } from './delete-spec.js';

export const DELETE_VIEW: JobView = { units: 'versions looked at', answer: manifest, file };

const NONE: DeleteCounts = { matched: 0, deleted: 0, refused: 0 };

async function manifest(job: Job, context: Context): Promise<Buffer> {
  const { baseUrl, settings } = context;
  const { request, dryRun } = readDeleteSpec(job.spec);
  const results = await resultsOf(job, context);
  const byType = new Map<string, DeleteCounts>();
  for (const result of results.filter(({ matched }) => matched > 0)) {
    byType.set(result.type, sum(byType.get(result.type) ?? NONE, result));
  }
  const error = results.flatMap(({ files }) =>
    files.map((one) => listedError(one, `${baseUrl}/_jobs/${job.id}`)),
  );
  return Buffer.from(
    serialise({
      transactionTime: formatInstant(job.time),
      request,
      requiresAccessToken: settings.security !== undefined,
      dryRun,
      ...[...byType.values()].reduce(sum, NONE),
      output: [...byType].sort().map(([type, counts]): JsonObject => ({ type, ...counts })),
      error,
    }),
  );
}

function sum(one: DeleteCounts, other: DeleteCounts): DeleteCounts {
  return {
    matched: one.matched + other.matched,
    deleted: one.deleted + other.deleted,
    refused: one.refused + other.refused,
  };
}

async function file(job: Job, name: string, context: Context): Promise<JobFile | undefined> {
  const results = await resultsOf(job, context);
  return errorJobFile(
    results.flatMap(({ files }) => files),
    name,
  );
}

/** The plan has none. */
async function resultsOf(job: Job, { jobs }: Context): Promise<readonly DeleteResult[]> {
  const results = await jobs.store.results(job.id);
  return results.filter((text) => text !== '').map(readDeleteResult);
}
