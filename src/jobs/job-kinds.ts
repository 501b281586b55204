/** The kinds of jobs that there are, by name, and who does their work. How their askers see them is in interactions/jobs/. */
import { DELETE_KIND } from '../interactions/bulk-delete/bulk-delete.js';
import { EXPORT_KIND } from '../interactions/export/export.js';
import { IMPORT_KIND } from '../interactions/import/import.js';
import { PURGE_KIND } from '../interactions/purge/purge.js';
import { deleteKind } from './bulk-delete/delete-kind.js';
import { exportKind } from './export/export-kind.js';
import { importKind } from './import/import-kind.js';
import type { JobKind } from './job-kind.js';
import { purgeKind } from './purge/purge-kind.js';

export const JOB_KINDS: Readonly<Record<string, JobKind>> = {
  [EXPORT_KIND]: exportKind,
  [IMPORT_KIND]: importKind,
  [DELETE_KIND]: deleteKind,
  [PURGE_KIND]: purgeKind,
};
