/** The compiled definitions as they lie beside the compiled code: read once, at start. */
import { existsSync, readFileSync } from 'node:fs';
import type { Definitions } from './fhir/definitions/definitions.js';
import { loadDefinitions } from './fhir/definitions/load.js';
import { ucumUnits } from './ucum-units.js';

const FILE = new URL('./definitions/r4.json', import.meta.url);

export function readDefinitions(): Definitions {
  if (!existsSync(FILE)) throw new Error('The compiled FHIR definitions are missing: run `npm run build`.');
  return loadDefinitions(readFileSync(FILE, 'utf8'), ucumUnits());
}
