/** Imports, as the runner does them: a part for each input, which goes on where an earlier run of it ended. */
import {
  type ImportSpec,
  readImportPart,
  readImportSpec,
  writeImport,
} from '../../interactions/import/import-spec.js';
import type { Claim, NewPart, PartOutcome } from '../../ports/jobs.js';
import type { JobKind, Workbench } from '../job-kind.js';
import { Identities, identify } from './identities.js';
import { importInput } from './import-input.js';
import { WHOLE } from './import-work.js';

export const importKind: JobKind = { run };

async function run(claim: Claim, bench: Workbench): Promise<PartOutcome> {
  const spec = readImportSpec(claim.job.spec);
  const part = readImportPart(claim.spec);
  switch (part.step) {
    case 'plan':
      return { result: '', next: spec.match.length === 0 ? partsOf(spec) : [identifying()] };
    case 'identify':
      return identify(spec, claim.job, bench);
    case 'input': {
      const { input, identities, etag } = part;
      const result = await importInput(input, {
        spec,
        claim,
        bench,
        ...(identities === undefined
          ? {}
          : { meaning: await Identities.read(identities, claim.job.id, bench) }),
        ...(etag === undefined ? {} : { etag }),
      });
      return { result: writeImport(result), next: [] };
    }
  }
}

function partsOf({ inputs }: ImportSpec): readonly NewPart[] {
  return inputs.map((_input, at) => ({ spec: writeImport({ step: 'input', input: at }), total: WHOLE }));
}

function identifying(): NewPart {
  return { spec: writeImport({ step: 'identify' }), total: 0 };
}
