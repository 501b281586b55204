/** Bulk deletes, as the runner does them: the versions of each type are gone through in parts, and what matches is deleted. */
import {
  type DeleteSpec,
  readDeletePart,
  readDeleteSpec,
  writeDelete,
} from '../../interactions/bulk-delete/delete-spec.js';
import type { Claim, NewPart, PartOutcome } from '../../ports/jobs.js';
import type { JobKind, Workbench } from '../job-kind.js';
import { deleteStretch } from './delete-stretch.js';

export const deleteKind: JobKind = {
  run: async (claim, bench): Promise<PartOutcome> => {
    const spec = readDeleteSpec(claim.job.spec);
    const part = readDeletePart(claim.spec);
    if (part.step === 'plan') return { result: '', next: await partsOf(spec, claim, bench) };
    return { result: writeDelete(await deleteStretch(part, { spec, claim, bench })), next: [] };
  },
};

async function partsOf(
  { criteria }: DeleteSpec,
  { job }: Claim,
  { parts, settings, done }: Workbench,
): Promise<readonly NewPart[]> {
  const planned: NewPart[] = [];
  for (const { type } of criteria) {
    const ranges = await parts.backend.ranges({ type, asOf: job.position, size: settings.partSize });
    for (const { from, to, versions } of ranges)
      planned.push({ spec: writeDelete({ step: 'scan', type, from, to }), total: versions });
    done(0);
  }
  return planned;
}
