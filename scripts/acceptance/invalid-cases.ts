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

interface BatchAnswer {
  readonly type?: string;
  readonly entry?: readonly { readonly response: { readonly status: string } }[];
}

/** Where the text belongs: bundles to carry out to the base, resources to their type, what is no JSON to any. */
function placeOf(text: string): string {
  try {
    const tree = parseJson(text);
    if (!isObject(tree) || typeof tree.resourceType !== 'string') return '/Patient';
    const toCarryOut =
      tree.resourceType === 'Bundle' && (tree.type === 'transaction' || tree.type === 'batch');
    return toCarryOut ? '' : `/${tree.resourceType}`;
  } catch {
    // Not JSON at all: the server must say so wherever it is sent.
    return '/Patient';
  }
}

/** The status of the answer; of a batch, the worst of its entries'. */
async function statusOf(base: string, text: string): Promise<number> {
  const answer = await fetch(base + placeOf(text), {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: text,
  });
  const body = (await answer.json()) as BatchAnswer; // every answer of the server has a resource
  if (body.type !== 'batch-response') return answer.status;
  return Math.max(
    answer.status,
    ...(body.entry ?? []).map(({ response }) => Number.parseInt(response.status, 10)),
  );
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
