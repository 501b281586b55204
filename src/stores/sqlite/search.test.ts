/** Generated searches on the embedded store. `FAIRWAY_TEST_SEARCHES` and `FAIRWAY_TEST_SEED` make more and others. */
import { describe } from 'vitest';
import { generatedSearchContract } from '../../ports/generated-search.contract.js';
import { emptyBackend } from './testing.js';

const queries = Number(process.env.FAIRWAY_TEST_SEARCHES ?? 1_500);
const seed = Number(process.env.FAIRWAY_TEST_SEED ?? 20_240_101);

describe('the embedded store searches as the in-memory match does', () => {
  generatedSearchContract(emptyBackend, { seed, queries });
});
