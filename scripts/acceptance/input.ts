/** Reading of the real data: files, plain or gzipped, as trees that keep their number literals. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ResourceObject } from '#src/fhir/format/json.js';
import { parseJson } from '#src/fhir/format/parse.js';

export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : [path]));
}

export function readText(file: string): string {
  const bytes = readFileSync(file);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** Known to be FHIR JSON objects: the folder says so. */
export function readResource(file: string): ResourceObject {
  return parseJson(readText(file)) as ResourceObject;
}
