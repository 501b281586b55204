/** What an input is imported with. */
import type { ImportSpec } from '../../interactions/import/import-spec.js';
import type { Claim } from '../../ports/jobs.js';
import type { Workbench } from '../job-kind.js';

export interface ImportWork {
  readonly spec: ImportSpec;
  readonly claim: Claim;
  readonly bench: Workbench;
}
