/**
 * Reads the published R4 definitions from their npm packages and writes dist/definitions/: r4.json, which is read at
 * every start, and terminology.json, which is read when a search first asks by code system or value set. A file that is
 * newer than its compiler and the packages is left as it is.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileDefinitions, type Published } from '#src/fhir/definitions/compile.js';
import { compileTerminology, type PublishedTerminology } from '#src/fhir/terminology/compile-terminology.js';

const EXAMPLES = 'node_modules/hl7.fhir.r4.examples';
const EXPANSIONS = 'node_modules/hl7.fhir.r4.expansions';

interface Output {
  readonly file: string;
  /** The folder of its compiler. */
  readonly compiler: string;
  readonly compile: () => object;
}

const OUTPUTS: readonly Output[] = [
  { file: 'dist/definitions/r4.json', compiler: 'dist/fhir/definitions', compile: definitions },
  { file: 'dist/definitions/terminology.json', compiler: 'dist/fhir/terminology', compile: terminology },
];

function upToDate({ file, compiler }: Output): boolean {
  if (!existsSync(file)) return false;
  const written = statSync(file).mtimeMs;
  const sources = [
    ...readdirSync(compiler).map((name) => join(compiler, name)),
    join(EXAMPLES, 'package.json'),
    join(EXPANSIONS, 'package.json'),
  ];
  return sources.every((source) => statSync(source).mtimeMs <= written);
}

/** All resources of a type: the packages name their files `Type-id.json`. */
function read<T>(folder: string, type: string): readonly T[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${type}-`) && name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T); // published in the shape of its type
}

function definitions(): object {
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
  return { ...compiled, fingerprint };
}

function terminology(): object {
  return compileTerminology({
    codeSystems: read<PublishedTerminology['codeSystems'][number]>(EXAMPLES, 'CodeSystem'),
    valueSets: read<PublishedTerminology['valueSets'][number]>(EXAMPLES, 'ValueSet'),
    expanded: read<PublishedTerminology['expanded'][number]>(EXPANSIONS, 'ValueSet'),
  });
}

for (const output of OUTPUTS.filter((one) => !upToDate(one))) {
  const started = performance.now();
  const text = JSON.stringify(output.compile());
  mkdirSync(dirname(output.file), { recursive: true });
  writeFileSync(output.file, text);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`compiled ${output.file}: ${Math.round(text.length / 1024)} KB in ${seconds} s`);
}
