/** The compiled definitions as the build left them: read once, at start. */
import { existsSync, readFileSync } from 'node:fs';
import type { Definitions } from './fhir/definitions/definitions.js';
import { loadDefinitions } from './fhir/definitions/load.js';
import { ucumUnits } from './ucum-units.js';

const FILE = new URL(import.meta.resolve('#src/definitions/r4.json'));

export function readDefinitions(): Definitions {
  if (!existsSync(FILE)) throw new Error('The compiled FHIR definitions are missing: run `npm run build`.');
  return loadDefinitions(readFileSync(FILE, 'utf8'), ucumUnits());
}
