/** The kinds of jobs that there are, by name, and who does their work. How their askers see them is in interactions/jobs/. */
import { EXPORT_KIND } from '../interactions/export/export.js';
import { exportKind } from './export/export-kind.js';
import type { JobKind } from './job-kind.js';

export const JOB_KINDS: Readonly<Record<string, JobKind>> = { [EXPORT_KIND]: exportKind };
