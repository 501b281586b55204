/**
 * Files of a job, whole or in ranges.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-output-file-request, https://www.rfc-editor.org/rfc/rfc9110#section-14
 *
 * Invariant: a file goes to the principal of its job alone, and to a grant that may see what is in it; memory does not grow
 * with its size.
 */
import { Refusal } from '../../fhir/outcome.js';
import type { Context } from '../context.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';
import type { JobTarget } from '../target.js';
import type { JobFile } from './job-kinds.js';
import { noJob, ownJob } from './job-status.js';

interface ByteRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export async function jobFile(
  request: FhirRequest,
  { job: id, file: name = '' }: JobTarget,
  context: Context,
): Promise<FhirResponse> {
  const { job, view } = await ownJob(id, context);
  const file = job.state === 'complete' ? await view.file(job, name, context) : undefined;
  if (file === undefined) throw job.state === 'complete' ? noFile() : noJob();
  const blob = `jobs/${id}/${name}`;
  // A store that was restored from a backup knows of files that are not there.
  if ((await context.jobs.blobs.size(blob)) !== file.size) throw noFile();
  const { size, sha256, contentType } = file;
  const range = rangeOf(request, file);
  const { from, to } = range ?? { from: 0, to: size };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      'content-type': contentType,
      etag: `"${sha256}"`,
      'accept-ranges': 'bytes',
      ...(range === undefined ? {} : { 'content-range': `bytes ${from}-${to - 1}/${size}` }),
    },
    stream: { length: to - from, read: () => context.jobs.blobs.read(blob, from, to) },
  };
}

const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/** Undefined: the whole file. Several ranges at once are not served, which a server need not. */
function rangeOf(request: FhirRequest, { size, sha256 }: JobFile): ByteRange | undefined {
  const condition = request.header('if-range');
  if (condition !== undefined && condition !== `"${sha256}"`) return undefined;
  const asked = RANGE.exec(request.header('range')?.trim() ?? '');
  if (asked === null || (asked[1] === '' && asked[2] === '')) return undefined;
  const [, first = '', last = ''] = asked;
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (from >= to) {
    throw new Refusal('range-not-satisfiable', `The file has ${size} bytes: ask for a range within them.`, {
      'content-range': `bytes */${size}`,
    });
  }
  return { from, to };
}

function noFile(): Refusal {
  return new Refusal('not-found', 'The job has no such file: its manifest lists those that there are.');
}
