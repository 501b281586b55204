/** Imports, as the runner does them: a part for each input, which goes on where an earlier run of it ended. */
import {
  type ImportSpec,
  readImportPart,
  readImportSpec,
  writeImport,
} from '../../interactions/import/import-spec.js';
import type { NewPart, PartOutcome } from '../../ports/jobs.js';
import type { JobKind } from '../job-kind.js';
import { importInput, WHOLE } from './import-input.js';

export const importKind: JobKind = {
  run: async (claim, bench): Promise<PartOutcome> => {
    const spec = readImportSpec(claim.job.spec);
    const part = readImportPart(claim.spec);
    if (part.step === 'plan') return { result: '', next: partsOf(spec) };
    const result = await importInput(part.input, { spec, claim, bench });
    return { result: writeImport(result), next: [] };
  },
};

function partsOf({ inputs }: ImportSpec): readonly NewPart[] {
  return inputs.map((_input, at) => ({ spec: writeImport({ step: 'input', input: at }), total: WHOLE }));
}
