/** The embedded store keeps the promises of the JobStore port. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe } from 'vitest';
import { permitting } from '../../ports/access-filter.js';
import type { Commit, CommitResult } from '../../ports/backend.js';
import { contractWorld, HandClock, prepared } from '../../ports/contract-world.js';
import { type JobsWorld, jobsContract } from '../../ports/jobs.contract.js';
import { freshFolder, openStore } from './testing.js';

const folders: string[] = [];
const closings: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0)) await close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function jobsWorld(): Promise<JobsWorld> {
  const folder = freshFolder();
  folders.push(folder);
  const file = join(folder, 'store.db');
  const clock = new HandClock();
  const world = contractWorld(clock);
  const [here, there] = [await openStore(file, world), await openStore(file, world)];
  closings.push(here.close, there.close);
  let written = 0;
  // By turns in both processes: what one was told holds for the other.
  const commit = (more: Partial<Commit>): Promise<CommitResult> => {
    written += 1;
    const { backend } = written % 2 === 0 ? there : here;
    return backend.commit({
      access: permitting({ kind: 'unrestricted', reason: 'test' }),
      writes: [
        {
          kind: 'put',
          type: 'Patient',
          id: `p${written}`,
          resource: prepared(),
          expected: { kind: 'any' },
          method: 'PUT',
        },
      ],
      conditions: [],
      resolvedAt: 0,
      ...more,
    });
  };
  return {
    jobs: here.jobs,
    elsewhere: there.jobs,
    backend: here.backend,
    now: () => clock.now(),
    pass: (milliseconds) => {
      clock.time += milliseconds;
    },
    step: (step) => commit({ step }),
    write: async () => {
      const result = await commit({});
      if (result.kind !== 'committed' || result.outcomes[0] === undefined) throw new Error('it is committed');
      return result.outcomes[0];
    },
  };
}

describe('the jobs of the embedded store', () => {
  jobsContract(jobsWorld);
});
