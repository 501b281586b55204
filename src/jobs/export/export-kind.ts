/** Exports, as the runner does them: what to go through is planned first, then gone through in parts. */
import {
  type ExportPart,
  readExportPart,
  readExportSpec,
  writeSpec,
} from '../../interactions/export/export-spec.js';
import type { PartOutcome } from '../../ports/jobs.js';
import type { JobKind } from '../job-kind.js';
import type { ExportWork } from './export-work.js';
import { plan, scanParts } from './plan.js';
import { runRecords } from './records-part.js';
import { runScan } from './scan-part.js';
import { runSearch } from './search-part.js';

export const exportKind: JobKind = {
  run: (claim, bench) => {
    const spec = readExportSpec(claim.job.spec);
    return runPart(readExportPart(claim.spec), { spec, job: claim.job, bench });
  },
};

async function runPart(part: ExportPart, work: ExportWork): Promise<PartOutcome> {
  switch (part.step) {
    case 'plan':
      return plan(work);
    case 'scan':
      return { result: writeSpec({ files: await runScan(part.slices, work) }), next: [] };
    case 'records':
      return { result: writeSpec({ files: await runRecords(part, work) }), next: [] };
    case 'search': {
      const files = await runSearch(part, work);
      return {
        result: writeSpec({ files: files ?? [] }),
        next: files === undefined ? await scanParts(work) : [],
      };
    }
  }
}
