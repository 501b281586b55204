/**
 * Reads the published R4 definitions from their npm packages and writes dist/definitions/r4.json. Does nothing when
 * the file is newer than the compiler of definitions and the packages.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileDefinitions, type Published } from '#src/fhir/definitions/compile.js';

const OUTPUT = 'dist/definitions/r4.json';
const EXAMPLES = 'node_modules/hl7.fhir.r4.examples';
const EXPANSIONS = 'node_modules/hl7.fhir.r4.expansions';
const COMPILER = 'dist/fhir/definitions';

function upToDate(): boolean {
  if (!existsSync(OUTPUT)) return false;
  const written = statSync(OUTPUT).mtimeMs;
  const sources = [
    ...readdirSync(COMPILER).map((name) => join(COMPILER, name)),
    join(EXAMPLES, 'package.json'),
    join(EXPANSIONS, 'package.json'),
  ];
  return sources.every((file) => statSync(file).mtimeMs <= written);
}

/** All resources of a type: the packages name their files `Type-id.json`. */
function read<T>(folder: string, type: string): readonly T[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${type}-`) && name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T); // published in the shape of its type
}

if (!upToDate()) {
  const started = performance.now();
  const compiled = compileDefinitions({
    structures: read<Published['structures'][number]>(EXAMPLES, 'StructureDefinition'),
    searchParameters: read<Published['searchParameters'][number]>(EXAMPLES, 'SearchParameter'),
    compartments: read<Published['compartments'][number] & { id: string }>(
      EXAMPLES,
      'CompartmentDefinition',
    ).filter(({ id }) => id !== 'example'),
    valueSets: read<Published['valueSets'][number]>(EXPANSIONS, 'ValueSet'),
  });
  const fingerprint = createHash('sha256').update(JSON.stringify(compiled)).digest('hex');
  const text = JSON.stringify({ ...compiled, fingerprint });
  mkdirSync(dirname(OUTPUT), { recursive: true });
  writeFileSync(OUTPUT, text);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`compiled the FHIR definitions: ${Math.round(text.length / 1024)} KB in ${seconds} s`);
}
