/** How much a job is, counted in writes: turns and groups take so many and no more. */
import { recordsOn } from './audit-pages.js';
import type { FullTextJob, Job } from './messages.js';

/** A write has a version and a dozen index rows. */
const RECORDS_PER_WRITE = 50;

export function weightOf(job: Job | FullTextJob): number {
  switch (job.kind) {
    case 'commit':
      return job.writes.length;
    case 'indexing-step':
      return job.resources.length;
    case 'audit':
      return Math.ceil(recordsOn(job.pages) / RECORDS_PER_WRITE);
    case 'ledger':
    case 'record':
    case 'jobs':
    case 'indexing-start':
    case 'full-text':
      return 1;
  }
}
