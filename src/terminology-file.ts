/** The compiled terminology of FHIR R4 as the build left it: read when it is first needed, and kept. */
import { existsSync, readFileSync } from 'node:fs';
import { loadBaseTerminology } from './fhir/terminology/base-terminology.js';
import type { Library } from './fhir/terminology/expand.js';

const FILE = new URL(import.meta.resolve('#src/definitions/terminology.json'));

/** Few servers are ever asked by terminology: until then it costs neither time nor memory. */
export function lazyBaseTerminology(): () => Library {
  let library: Library | undefined;
  return () => {
    library ??= readBaseTerminology();
    return library;
  };
}

function readBaseTerminology(): Library {
  if (!existsSync(FILE)) throw new Error('The compiled terminology is missing: run `npm run build`.');
  return loadBaseTerminology(readFileSync(FILE, 'utf8'));
}
