/**
 * Searches as clients write them, on the embedded store. `FAIRWAY_TEST_SEARCHES` and `FAIRWAY_TEST_SEED` make more of them,
 * and others.
 */
import { readDefinitions } from '../../definitions-file.js';
import { makeIndexer } from '../../fhir/search/indexer.js';
import { generatedStringsContract } from '../../ports/generated-strings.contract.js';
import { emptyBackend } from './testing.js';

const definitions = readDefinitions();

generatedStringsContract(
  (world) => emptyBackend(world),
  { definitions, index: makeIndexer(definitions, { baseUrl: 'http://fairway.test/fhir' }) },
  {
    seed: Number(process.env.FAIRWAY_TEST_SEED ?? 20_240_101),
    queries: Number(process.env.FAIRWAY_TEST_SEARCHES ?? 5_000),
  },
);
