/** What a purge that is complete came to: how many of which type, and files that tell what stayed, and why. */
import type { JsonObject } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import { formatInstant } from '../../fhir/primitives/date.js';
import type { Job } from '../../ports/jobs.js';
import type { Context } from '../context.js';
import { errorJobFile, listedError } from '../jobs/error-file.js';
import type { JobFile, JobView } from '../jobs/job-kinds.js';
import { type PurgeCounts, type PurgeResult, readPurgeResult, readPurgeSpec } from './purge-spec.js';

export const PURGE_VIEW: JobView = { answer: manifest, file };

async function manifest(job: Job, context: Context): Promise<Buffer> {
  const { baseUrl, settings } = context;
  const { request, dryRun } = readPurgeSpec(job.spec);
  const { purged, stays, files } = await resultOf(job, context);
  const countsOf = (found: number, left: number): JsonObject => ({
    matched: found + left,
    purged: dryRun ? 0 : found,
    stays: left,
  });
  const types = [...new Set([...Object.keys(purged), ...Object.keys(stays)])].sort();
  return Buffer.from(
    serialise({
      transactionTime: formatInstant(job.time),
      request,
      requiresAccessToken: settings.security !== undefined,
      dryRun,
      ...countsOf(sum(purged), sum(stays)),
      output: types.map((type): JsonObject => ({ type, ...countsOf(purged[type] ?? 0, stays[type] ?? 0) })),
      error: files.map((one) => listedError(one, `${baseUrl}/_jobs/${job.id}`)),
    }),
  );
}

function sum(counts: PurgeCounts): number {
  return Object.values(counts).reduce((one, other) => one + other, 0);
}

async function file(job: Job, name: string, context: Context): Promise<JobFile | undefined> {
  return errorJobFile((await resultOf(job, context)).files, name);
}

/** A purge has one part. */
async function resultOf(job: Job, { jobs }: Context): Promise<PurgeResult> {
  const [text] = await jobs.store.results(job.id);
  return text === undefined ? { purged: {}, stays: {}, files: [] } : readPurgeResult(text);
}
