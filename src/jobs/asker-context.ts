/**
 * What interactions are given when a job does them for its asker: the asker's access, an audit trail, and commits that are
 * steps of the part.
 *
 * Invariant: nothing is committed once the part is somebody else's; what is committed takes the part's progress with it.
 */
import { Trail } from '../interactions/audit/trail.js';
import type { Context } from '../interactions/context.js';
import type { Asker } from '../interactions/jobs/asker.js';
import type { Backend, Commit } from '../ports/backend.js';
import type { Claim } from '../ports/jobs.js';
import { committingBy } from './committing-by.js';
import { LeaseLost, type Workbench } from './job-kind.js';

/** `progress`: the part's, once this commit is made. */
export function askerContext(
  asker: Asker,
  claim: Claim,
  { parts }: Workbench,
  progress: (commit: Commit) => string,
): Context {
  const { access, requestId } = asker;
  const stepping = inSteps(parts.backend, claim, progress);
  const audit =
    parts.auditing === undefined ? undefined : new Trail(stepping, parts.auditing, trailSource(asker));
  return {
    ...parts,
    knowledge: parts.knowledge.latest(),
    access,
    requestId,
    deadline: Number.POSITIVE_INFINITY,
    backend: audit ?? stepping,
    audit,
  };
}

function trailSource({ access, requestId, network }: Asker): Trail['source'] {
  return { access, requestId, ...(network === undefined ? {} : { network }) };
}

function inSteps(backend: Backend, claim: Claim, progress: (commit: Commit) => string): Backend {
  return committingBy(backend, async (commit) => {
    const result = await backend.commit({ ...commit, step: { claim, progress: progress(commit) } });
    if (result.kind === 'lease-lost') throw new LeaseLost();
    return result;
  });
}
