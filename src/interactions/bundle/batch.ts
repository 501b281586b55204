/**
 * FHIR batch: every entry by itself, as if it had come alone.
 * https://hl7.org/fhir/R4/http.html#transaction
 *
 * Invariant: an entry that fails is answered and changes nothing for the others; answers stand in the order of the
 * entries. Several are under way at once, so that their commits share a flush.
 */
import type { JsonValue } from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';
import { entryContext } from '../audit/trail.js';
import type { Context } from '../context.js';
import { makePace } from '../pace.js';
import { renderRefusal } from '../render.js';
import type { FhirRequest } from '../request.js';
import { handle } from '../router.js';
import type { EntryAnswer } from './answer.js';
import { entryRequest } from './entry-request.js';
import { refusalInEntry } from './findings.js';

const AT_ONCE = 512;

/** `entries`: Bundle.entry; `prefer`: what each entry is to be answered with. */
export async function batch(
  entries: readonly JsonValue[],
  prefer: string,
  context: Context,
): Promise<readonly EntryAnswer[]> {
  const answers: EntryAnswer[] = new Array<EntryAnswer>(entries.length);
  const pace = makePace();
  const waiting = entries.entries();
  const work = async (): Promise<void> => {
    // All workers draw from one iterator, so each entry is drawn once.
    for (const [index, value] of waiting) {
      answers[index] = await answerOf(value, index, prefer, context);
      if (pace.due()) await pace.rest();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

/** The request of an entry, or the refusal of what can be no request of a batch. */
export function batchRequest(value: JsonValue, index: number, prefer: string, context: Context): FhirRequest {
  const request = entryRequest(value, index, 'batch', prefer, context);
  if (request.method !== 'POST' || request.path.length > 0) return request;
  throw new Refusal('malformed-request', 'A batch holds no bundles to carry out: send them by themselves.');
}

async function answerOf(
  value: JsonValue,
  index: number,
  prefer: string,
  context: Context,
): Promise<EntryAnswer> {
  let request = UNREADABLE;
  try {
    request = batchRequest(value, index, prefer, context);
    return { request, response: await handle(request, entryContext(context)) };
  } catch (error) {
    const refusal = error instanceof Refusal ? refusalInEntry(index, error) : error;
    return { request, response: renderRefusal(refusal, context) };
  }
}

/** Stands for the request of an entry that makes none. */
const UNREADABLE: FhirRequest = { method: '', path: [], query: [], header: () => undefined };
