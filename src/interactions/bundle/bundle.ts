/**
 * A Bundle that is sent to the base: carried out as a batch or a transaction, by its type.
 * https://hl7.org/fhir/R4/http.html#transaction
 *
 * Invariant: other types of bundle are content, not requests, and are refused here.
 */
import { isObject, type JsonArray, type JsonValue } from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';
import type { Context } from '../context.js';
import { makePace } from '../pace.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';
import { checkResource } from '../write.js';
import { answerBundle, type EntryAnswer, entryPreference } from './answer.js';
import { batch } from './batch.js';
import { readBundle } from './read-bundle.js';
import { transaction } from './transaction.js';

export interface RequestBundle {
  readonly type: 'batch' | 'transaction';
  readonly entries: readonly JsonValue[];
}

/** How each type is carried out. */
const KINDS = { batch, transaction };

export async function bundleRequest(request: FhirRequest, context: Context): Promise<FhirResponse> {
  const bundle = requestBundle(await readBundle(request, makePace()), context);
  const answers = await carryOut(bundle, entryPreference(request.header('prefer')), context);
  return answerBundle(`${bundle.type}-response`, answers);
}

/** `prefer` as entryPreference makes it. Throws what refuses a transaction; a batch's refusals are answers. */
export function carryOut(
  { type, entries }: RequestBundle,
  prefer: string,
  context: Context,
): Promise<readonly EntryAnswer[]> {
  return KINDS[type](entries, prefer, context);
}

/** The tree as a bundle of requests; entries are looked at later, one by one. */
export function requestBundle(value: JsonValue, context: Context): RequestBundle {
  if (isObject(value) && typeof value.resourceType === 'string' && value.resourceType !== 'Bundle') {
    throw new Refusal(
      'type-mismatch',
      'What is sent to the base has to be a Bundle of type transaction or batch: send a resource to its type.',
    );
  }
  const { entry, ...shell } = isObject(value) ? value : {};
  const { type } = checkResource(isObject(value) ? shell : value, 'Bundle', context);
  if (type !== 'batch' && type !== 'transaction') {
    throw new Refusal(
      'unprocessable',
      'Only bundles of type transaction or batch are carried out: store another one with POST to Bundle, or send what is in it as a transaction.',
    );
  }
  return { type, entries: entriesOf(entry) };
}

function entriesOf(entry: JsonValue | undefined): JsonArray {
  if (entry === undefined) return [];
  if (Array.isArray(entry) && entry.length > 0) return entry;
  const text = 'Bundle.entry has to be a list of at least one entry, or left out.';
  throw new Refusal('invalid-resource', [
    { severity: 'error', code: 'structure', text, expression: ['Bundle.entry'] },
  ]);
}
