/**
 * Many writes in few commits, where some may be refused by what they meet in the store: those are left out, and told of.
 *
 *   all at once ── refused at 7 ──▶ those before 7 ──▶ 7 is left out ──▶ the rest, fewer at once until they go in again
 *
 * Invariant: each item was committed or refused, in order; a refusal costs no more than a few commits.
 */
import type { Refusal } from '../fhir/outcome.js';
import { RefusedWrite } from '../interactions/write.js';

/** After a refusal so many times fewer go into a commit, after a commit so many times more. */
const STEP = 4;

export interface EachCommit<Item> {
  /** Throws RefusedWrite with the place of one among these items. */
  readonly commit: (items: readonly Item[]) => Promise<void>;
  readonly refused: (item: Item, refusal: Refusal) => void;
}

export async function commitEach<Item>(
  items: readonly Item[],
  { commit, refused }: EachCommit<Item>,
): Promise<void> {
  let size = items.length;
  for (let at = 0; at < items.length; ) {
    const chunk = items.slice(at, at + size);
    const refusal = await refusalOf(() => commit(chunk));
    if (refusal === undefined) {
      at += chunk.length;
      size *= STEP;
      continue;
    }
    const before = chunk.slice(0, refusal.write);
    await commitEach(before, { commit, refused });
    refused(chunk[refusal.write] as Item, refusal); // a commit names one of its writes
    at += before.length + 1;
    size = Math.max(1, Math.floor(size / STEP));
  }
}

async function refusalOf(work: () => Promise<void>): Promise<RefusedWrite | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof RefusedWrite && error.status < 500) return error;
    throw error;
  }
}
