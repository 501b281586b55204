/** The valid and invalid cases: accepted and refused as they should be, as far as structure decides. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '#src/fhir/format/json.js';
import { parseJson } from '#src/fhir/format/parse.js';
import type { Check } from './check.js';
import { readText } from './input.js';

/** Which verdict structure gives: file → `accepted` or `refused`, and why where the published verdict differs. */
interface Expectation {
  readonly verdict: 'accepted' | 'refused';
  readonly why?: string;
}

/** A resource of any type, or text that is no JSON: what POST to its type's URL makes of it. */
async function statusOf(base: string, text: string): Promise<number> {
  let type = 'Patient';
  try {
    const tree = parseJson(text);
    if (isObject(tree) && typeof tree.resourceType === 'string') type = tree.resourceType;
  } catch {
    // Not JSON at all: the server must say so wherever it is sent.
  }
  const answer = await fetch(`${base}/${type}`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: text,
  });
  await answer.arrayBuffer();
  return answer.status;
}

export async function checkInvalidCases(check: Check, folder: string, base: string): Promise<void> {
  const expectations = JSON.parse(readFileSync('scripts/acceptance/invalid-cases.json', 'utf8')) as Record<
    string,
    Expectation
  >; // ours
  for (const [file, expectation] of Object.entries(expectations)) {
    const status = await statusOf(base, readText(join(folder, file)));
    const verdict = status < 300 ? 'accepted' : status < 500 ? 'refused' : `answered ${status}`;
    check.equal(
      verdict,
      expectation.verdict,
      `${file}${expectation.why === undefined ? '' : ` (${expectation.why})`}`,
    );
  }
}
