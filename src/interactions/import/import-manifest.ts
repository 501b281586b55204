/**
 * What an import that is complete came to: how many resources of which type each input brought in, and files that tell what
 * was refused.
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import { formatInstant } from '../../fhir/primitives/date.js';
import type { Job } from '../../ports/jobs.js';
import type { Context } from '../context.js';
import { errorJobFile, listedError } from '../jobs/error-file.js';
import type { JobFile, JobView } from '../jobs/job-kinds.js';
import { type ImportInput, type ImportResult, readImportResult, readImportSpec } from './import-spec.js';

export const IMPORT_VIEW: JobView = { answer: manifest, file };

async function manifest(job: Job, context: Context): Promise<Buffer> {
  const { baseUrl, settings } = context;
  const { request, inputs } = readImportSpec(job.spec);
  const results = await resultsOf(job, context);
  const output = results.flatMap(({ input, stored }) =>
    Object.entries(stored).map(([type, count]): JsonObject => ({ type, ...inputUrl(inputs[input]), count })),
  );
  const error = results.flatMap(({ input, files }) =>
    files.map(
      (one): JsonObject => ({
        ...listedError(one, `${baseUrl}/_jobs/${job.id}`),
        ...inputUrl(inputs[input]),
      }),
    ),
  );
  return Buffer.from(
    serialise({
      transactionTime: formatInstant(job.time),
      request,
      requiresAccessToken: settings.security !== undefined,
      output,
      error,
    }),
  );
}

/** What came with the request has none. */
function inputUrl(input: ImportInput | undefined): JsonObject {
  return input?.kind === 'url' ? { inputUrl: input.url } : {};
}

async function file(job: Job, name: string, context: Context): Promise<JobFile | undefined> {
  const results = await resultsOf(job, context);
  return errorJobFile(
    results.flatMap(({ files }) => files),
    name,
  );
}

/** The plan has none. In the order of the inputs. */
async function resultsOf(job: Job, { jobs }: Context): Promise<readonly ImportResult[]> {
  const results = await jobs.store.results(job.id);
  return results
    .filter((text) => text !== '')
    .map(readImportResult)
    .sort((a, b) => a.input - b.input);
}
