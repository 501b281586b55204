/**
 * The demo population of a first start, written by the one write path, in the background of a server that answers.
 *
 * Invariant: it is loaded into an empty store only, and once; a start that was interrupted goes on with it (its entries
 * are PUTs by id).
 */
import { bundles } from '../demo/bundles.js';
import { transaction } from '../interactions/bundle/transaction.js';
import { operatorContext, type Tenant } from './tenant.js';

export type DemoState = 'loading' | 'loaded' | 'not needed' | 'failed';

const MARK = 'demo-population';
const POPULATION = { seed: 1, patients: 30 };

/** Whether the population is wanted: the store is empty, or an earlier start began with it. */
export async function wantsDemo({ parts, store }: Tenant): Promise<boolean> {
  const mark = store.ledger.get(MARK);
  return mark === 'begun' || (mark === undefined && (await parts.backend.position()) === 0);
}

/** False where the signal ended it before its end. */
export async function loadDemo({ parts, store }: Tenant, signal?: AbortSignal): Promise<boolean> {
  const context = operatorContext(parts, 'demo population');
  await store.ledger.set(MARK, 'begun');
  for (const { bundle } of bundles(POPULATION)) {
    if (signal?.aborted === true) return false;
    await transaction(Array.isArray(bundle.entry) ? bundle.entry : [], 'return=minimal', context);
  }
  await store.ledger.set(MARK, 'complete');
  return true;
}
