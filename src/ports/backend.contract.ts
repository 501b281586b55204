/**
 * What every Backend promises, as tests through the port: run by each store on itself.
 *
 * Invariant: nothing here knows how a backend works; the world in which it plays is contract-world.ts.
 */
import { accessContract } from './access.contract.js';
import { commitContract } from './commit.contract.js';
import type { MakeBackend } from './contract-world.js';
import { historyContract } from './history.contract.js';
import { pagingContract } from './paging.contract.js';
import { purgeContract } from './purge.contract.js';
import { scanContract } from './scan.contract.js';
import { searchContract } from './search.contract.js';

export function backendContract(makeBackend: MakeBackend): void {
  commitContract(makeBackend);
  historyContract(makeBackend);
  searchContract(makeBackend);
  pagingContract(makeBackend);
  accessContract(makeBackend);
  scanContract(makeBackend);
  purgeContract(makeBackend);
}
