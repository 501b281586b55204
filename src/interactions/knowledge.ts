/**
 * The knowledge of a tenant: what its store indexes by, with the checks that go with it.
 *
 * Invariant: the same definitions give the same value; who asks again hears of new ones.
 */
import type { CurrentDefinitions } from '../ports/current-definitions.js';
import type { Knowledge } from './context.js';

/** `current`: the store's newest definitions. Search parameters do not change what is valid, so `validate` stays. */
export function newestKnowledge(
  current: () => CurrentDefinitions,
  validate: Knowledge['validate'],
): () => Knowledge {
  let from: CurrentDefinitions | undefined;
  let made: Knowledge | undefined;
  const latest = (): Knowledge => {
    const now = current();
    if (made === undefined || now !== from) {
      const { definitions, index, at } = now;
      made = { definitions, index, at, validate, latest };
      from = now;
    }
    return made;
  };
  return latest;
}
