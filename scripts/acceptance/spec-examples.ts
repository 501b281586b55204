/** Each example of the specification can be PUT and read back unchanged, or is refused for a reason listed here. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ResourceObject } from '#src/fhir/format/json.js';
import { parseJson } from '#src/fhir/format/parse.js';
import type { Check } from './check.js';
import { content } from './content.js';
import { filesBelow, readResource, readText } from './input.js';

const AS_WRITTEN = (): undefined => undefined;

/** File name → why the specification refuses it. */
function expectedRefusals(): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync('scripts/acceptance/refused-examples.json', 'utf8')) as Record<
    string,
    string
  >; // ours
}

export async function checkSpecExamples(check: Check, folder: string, base: string): Promise<void> {
  const refusals = expectedRefusals();
  for (const file of filesBelow(folder).filter((path) => path.endsWith('.json'))) {
    const name = basename(file);
    const resource = readResource(file);
    const url = `${base}/${resource.resourceType}/${String(resource.id)}`;
    const answer = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: readText(file),
    });
    const text = await answer.text();
    if (Object.hasOwn(refusals, name)) {
      check.equal(answer.status, 400, `${name} is refused: ${refusals[name]}`);
      continue;
    }
    check.equal(
      answer.status < 300,
      true,
      `${name} is stored (${answer.status} ${answer.status < 300 ? '' : text.slice(0, 600)})`,
    );
    if (answer.status >= 300) continue;
    const back = parseJson(
      await (await fetch(url, { headers: { accept: 'application/fhir+json' } })).text(),
    ) as ResourceObject; // a read
    check.equal(content(back, AS_WRITTEN), content(resource, AS_WRITTEN), `${name} reads back unchanged`);
    check.equal(back.id, resource.id ?? null, `${name} keeps its id`);
  }
}
