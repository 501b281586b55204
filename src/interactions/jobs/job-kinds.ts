/**
 * Kinds of jobs as their askers see them: what is answered when one is complete, and who may have its files. The table of
 * who does the work is in jobs/.
 */

import type { Job } from '../../ports/jobs.js';
import { DELETE_VIEW } from '../bulk-delete/deleted-manifest.js';
import type { Context } from '../context.js';
import { EXPORT_VIEW } from '../export/manifest.js';
import { IMPORT_VIEW } from '../import/import-manifest.js';
import { PURGE_VIEW } from '../purge/purged-manifest.js';

export interface JobView {
  /** What its progress counts: `versions read`; absent: nothing that is worth telling. */
  readonly units?: string;
  /** The JSON that tells what has come of a complete job. */
  readonly answer: (job: Job, context: Context) => Promise<Buffer>;
  /** Throws a refusal where the asker may not have it; undefined: there is no such file. */
  readonly file: (job: Job, name: string, context: Context) => Promise<JobFile | undefined>;
}

export interface JobFile {
  readonly size: number;
  readonly sha256: string;
  readonly contentType: string;
}

export const JOB_VIEWS: Readonly<Record<string, JobView>> = {
  export: EXPORT_VIEW,
  import: IMPORT_VIEW,
  'bulk-delete': DELETE_VIEW,
  purge: PURGE_VIEW,
};
