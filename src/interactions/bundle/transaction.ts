/**
 * FHIR transaction: all entries or none.
 * https://hl7.org/fhir/R4/http.html#transaction
 *
 *   read and validate every entry ─▶ identities ─▶ links ─▶ writes ─▶ one commit ─▶ GET and HEAD ─▶ answers
 *                                    └────── anew while others change it ──────┘
 *
 * Invariants: DELETE, POST, then PUT and PATCH; reads see the result, and one that finds nothing does not undo it; answers
 * stand in the order of the entries. There is no limit on entries: work is linear and yields to other requests.
 */
import type { JsonValue } from '../../fhir/format/json.js';
import type { WriteOutcome } from '../../ports/backend.js';
import { entryContext } from '../audit/trail.js';
import type { Context } from '../context.js';
import { existing } from '../create.js';
import { deleted } from '../delete.js';
import { makePace } from '../pace.js';
import { renderRefusal } from '../render.js';
import type { FhirResponse } from '../response.js';
import { handle } from '../router.js';
import { type Committed, commitPlanned } from '../write.js';
import { versionAnswer, written } from '../written.js';
import type { EntryAnswer } from './answer.js';
import { planTransaction, type TransactionPlan } from './plan.js';
import { readTransaction, type TransactionEntry, type WriteEntry } from './transaction-entry.js';

/** `entries`: Bundle.entry; `prefer`: what each entry is to be answered with. */
export async function transaction(
  entries: readonly JsonValue[],
  prefer: string,
  context: Context,
): Promise<readonly EntryAnswer[]> {
  const pace = makePace();
  const read = await readTransaction(entries, prefer, context, pace);
  const committed = await commitPlanned(context, () => planTransaction(read, context, pace));
  const answers: EntryAnswer[] = [];
  for (const entry of read.entries) {
    answers.push(await answerOf(entry, committed, context));
    if (pace.due()) await pace.rest();
  }
  return answers;
}

/** All that can be said against a transaction without a store: throws it. */
export async function checkTransaction(entries: readonly JsonValue[], context: Context): Promise<void> {
  await readTransaction(entries, '', context, makePace());
}

async function answerOf(
  entry: TransactionEntry,
  committed: Committed<TransactionPlan>,
  context: Context,
): Promise<EntryAnswer> {
  const { request } = entry;
  try {
    if (entry.kind === 'read') return { request, response: await handle(request, entryContext(context)) };
    return { request, ...(await writeAnswer(entry, committed, context)) };
  } catch (error) {
    return { request, response: renderRefusal(error, context) };
  }
}

async function writeAnswer(
  entry: WriteEntry,
  { planned, outcomes }: Committed<TransactionPlan>,
  context: Context,
): Promise<Omit<EntryAnswer, 'request'>> {
  const { request, type } = entry;
  const made = outcomesOf(entry, planned, outcomes);
  if (entry.kind === 'delete') return { response: deleted(request, made) };
  const [outcome] = made;
  if (outcome !== undefined) return answerWith(outcome, written(request, outcome, context.baseUrl));
  const { ids: [id] = [], how } = planned.identities.get(entry) ?? {};
  const [shared] = typeof how === 'object' ? outcomesOf(how.sharedWith, planned, outcomes) : [];
  if (shared !== undefined) {
    return answerWith(shared, versionAnswer(request, 200, shared, shared.bytes, context.baseUrl));
  }
  return { response: await existing(request, type, id ?? '', context) };
}

function answerWith({ lastUpdated }: WriteOutcome, response: FhirResponse): Omit<EntryAnswer, 'request'> {
  return { response, lastUpdated };
}

function outcomesOf(
  entry: WriteEntry,
  { writesOf }: TransactionPlan,
  outcomes: readonly WriteOutcome[],
): readonly WriteOutcome[] {
  const places = writesOf.get(entry) ?? [];
  // A commit answers each of its writes.
  return places.map((place) => outcomes[place] as WriteOutcome);
}
