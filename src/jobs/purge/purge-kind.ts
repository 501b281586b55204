/** Purges, as the runner does them: a patient's record is one part, gone through in steps. */
import { readPurgeSpec, writePurge } from '../../interactions/purge/purge-spec.js';
import type { JobKind } from '../job-kind.js';
import { PurgeOfRecord } from './purge-record.js';

export const purgeKind: JobKind = {
  run: async (claim, bench) => {
    const spec = readPurgeSpec(claim.job.spec);
    const purge = new PurgeOfRecord({ spec, claim, bench });
    return { result: writePurge(await (spec.dryRun ? purge.count() : purge.carryOut())), next: [] };
  },
};
