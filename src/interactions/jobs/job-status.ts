/**
 * The status of a job, and its end by DELETE: the asynchronous pattern.
 * https://hl7.org/fhir/R4/async.html, https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-status-request
 *
 * Invariant: who asks first is always told that it is in progress; a job is there for its principal alone.
 */
import { Refusal } from '../../fhir/outcome.js';
import type { Job, JobProgress } from '../../ports/jobs.js';
import type { Context } from '../context.js';
import { outcomeResponse } from '../render.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';
import type { JobTarget } from '../target.js';
import { JOB_VIEWS, type JobView } from './job-kinds.js';

/** Whoever asks soon is told to ask again soon; a job that has run long may run on. */
const RETRY_SHARE = 0.1;
const MOST_RETRY_SECONDS = 30;

export async function jobStatus(
  _request: FhirRequest,
  { job: id }: JobTarget,
  context: Context,
): Promise<FhirResponse> {
  const { jobs } = context;
  const { job, view } = await ownJob(id, context);
  if (!job.looked) await jobs.store.look(id);
  if (job.state === 'failed') throw failed(job);
  if (job.state !== 'complete' || !job.looked)
    return inProgress(job, view, await jobs.store.progress(id), context);
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      expires: new Date(job.expires ?? context.clock.now()).toUTCString(),
    },
    body: [await view.answer(job, context)],
  };
}

export async function cancelJob(
  _request: FhirRequest,
  { job: id }: JobTarget,
  context: Context,
): Promise<FhirResponse> {
  await ownJob(id, context);
  if (!(await context.jobs.store.cancel(id))) throw noJob();
  context.jobs.wake(); // its files go
  return outcomeResponse(202, [
    {
      severity: 'information',
      code: 'informational',
      text: 'The job is cancelled, and its files are deleted.',
    },
  ]);
}

/** 404 for those of others as for those that are not there. */
export async function ownJob(
  id: string,
  { jobs, access }: Context,
): Promise<{ readonly job: Job; readonly view: JobView }> {
  const job = await jobs.store.job(id);
  const view = job === undefined || !Object.hasOwn(JOB_VIEWS, job.kind) ? undefined : JOB_VIEWS[job.kind];
  if (job === undefined || view === undefined || job.principal !== access.principal) throw noJob();
  return { job, view };
}

export function noJob(): Refusal {
  return new Refusal(
    'not-found',
    'There is no such job of yours: it was cancelled, its time has passed, or it never was.',
  );
}

function inProgress(job: Job, view: JobView, progress: JobProgress, { clock }: Context): FhirResponse {
  const elapsed = Math.max(0, clock.now() - job.time) / 1000;
  const retry = Math.min(MOST_RETRY_SECONDS, Math.max(1, Math.ceil(elapsed * RETRY_SHARE)));
  return {
    status: 202,
    headers: { 'x-progress': progressText(job, view, progress), 'retry-after': String(retry) },
  };
}

function progressText(
  { state }: Job,
  { units }: JobView,
  { parts, finishedParts, done, total }: JobProgress,
): string {
  if (state === 'complete') return 'complete: ask once more';
  if (total === 0) return 'planning';
  const percent = Math.floor((100 * done) / total);
  const counted = units === undefined ? '' : `, ${done} of ${total} ${units}`;
  return `${percent} %, ${finishedParts} of ${parts} parts${counted}`;
}

function failed({ problem }: Job): Refusal {
  return new Refusal('internal-error', [
    {
      severity: 'error',
      code: 'exception',
      text: `The job failed: ${problem ?? 'the log has the reason.'} Begin another.`,
    },
  ]);
}
