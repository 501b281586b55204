/**
 * The beginning of a job: what its request must say, and the answer that tells where to ask after it.
 * https://hl7.org/fhir/R4/async.html, https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---success
 */
import { type Issue, Refusal } from '../../fhir/outcome.js';
import type { NewJob } from '../../ports/jobs.js';
import { queryString } from '../bundle-pieces.js';
import type { Context } from '../context.js';
import { FORM_PARAMETERS } from '../negotiation.js';
import { outcomeResponse } from '../render.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';

/** Seconds after which whoever has too many jobs asks again. */
const TOO_MANY_RETRY = '60';

/** `noun`: `export`. */
export function asyncProblems(request: FhirRequest, noun: string): readonly Issue[] {
  const asked = (request.header('prefer') ?? '').split(/[,;]/).map((one) => one.trim().toLowerCase());
  if (asked.includes('respond-async')) return [];
  const article = /^[aeiou]/.test(noun) ? 'An' : 'A';
  const text = `${article} ${noun} takes a while: send the header Prefer: respond-async.`;
  return [{ severity: 'error', code: 'required', text }];
}

/** The URL of the request, without what says how the answer looks. */
export function requestUrl({ path, query }: FhirRequest, { baseUrl }: Context): string {
  const asked = query.filter(([name]) => !FORM_PARAMETERS.has(name));
  return `${baseUrl}/${path.join('/')}${queryString(asked)}`;
}

/** 202, or 429 where the asker has too many. `noun`: `export`. */
export async function beginJob(
  job: Pick<NewJob, 'id' | 'kind' | 'spec' | 'first'>,
  noun: string,
  context: Context,
): Promise<FhirResponse> {
  const { jobs, access, settings, baseUrl } = context;
  const limit = settings.jobsPerClient;
  const added = await jobs.store.add({ ...job, principal: access.principal, limit });
  if (added === undefined) {
    throw new Refusal(
      'too-many-requests',
      `You have ${limit} ${noun}s running: wait until one is complete, or delete one.`,
      { 'retry-after': TOO_MANY_RETRY },
    );
  }
  jobs.wake();
  const location = `${baseUrl}/_jobs/${job.id}`;
  const accepted: Issue = {
    severity: 'information',
    code: 'informational',
    text: `The ${noun} has begun: ask after it at ${location}.`,
  };
  return { ...outcomeResponse(202, [accepted]), headers: { 'content-location': location } };
}
