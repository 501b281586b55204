/**
 * A stretch of the versions of one type: what matches as of the kick-off is deleted, step by step.
 *
 * Invariant: a resource that was changed since, or that may not be deleted, stays and is told of; what somebody else has
 * deleted meanwhile is neither deleted nor refused.
 */
import { Refusal } from '../../fhir/outcome.js';
import { NOTHING } from '../../fhir/search/tree.js';
import {
  type DeletePart,
  type DeleteProgress,
  type DeleteResult,
  type DeleteSpec,
  readDeleteProgress,
  writeDelete,
} from '../../interactions/bulk-delete/delete-spec.js';
import type { Context } from '../../interactions/context.js';
import { UNCONDITIONAL } from '../../interactions/resolution.js';
import { commitPlanned, type Planned } from '../../interactions/write.js';
import type { StoredResource, Write } from '../../ports/backend.js';
import type { Claim } from '../../ports/jobs.js';
import { askerContext } from '../asker-context.js';
import { commitEach } from '../commit-each.js';
import { ErrorFiles, errorLine, isFull, NO_ERRORS, withLines } from '../error-lines.js';
import type { Workbench } from '../job-kind.js';

export interface DeleteWork {
  readonly spec: DeleteSpec;
  readonly claim: Claim;
  readonly bench: Workbench;
}

type Stretch = DeletePart & { readonly step: 'scan' };
/** What a scan found: the version that matched. */
type Found = Pick<StoredResource, 'type' | 'id' | 'versionId' | 'position'>;

/** Deletions in a commit. */
const BATCH = 500;

export async function deleteStretch(stretch: Stretch, work: DeleteWork): Promise<DeleteResult> {
  const { type } = stretch;
  const files = new ErrorFiles(work.bench);
  const deleting = new Deleting(stretch, work, files);
  for await (const found of scanned(stretch, deleting.progress.position, work)) {
    await deleting.take(found);
    work.bench.done(found.length);
  }
  const { matched, deleted, refused } = deleting.progress;
  return { type, matched, deleted, refused, files: (await files.written(deleting.progress)).files };
}

async function* scanned(
  { type, to }: Stretch,
  from: number,
  { spec, claim, bench }: DeleteWork,
): AsyncGenerator<readonly Found[]> {
  const where = spec.criteria.find((one) => one.type === type)?.where ?? NOTHING;
  const scan = bench.parts.backend.scan({
    type,
    from,
    to,
    asOf: claim.job.position,
    access: spec.asker.access.search,
    where,
  });
  for await (const { resources } of scan) {
    for (let at = 0; at < resources.length; at += BATCH) yield resources.slice(at, at + BATCH);
  }
}

class Deleting {
  readonly #work: DeleteWork;
  readonly #files: ErrorFiles;
  /** For the audit log. */
  readonly #denied: (Found & { readonly status: number })[] = [];
  #progress: DeleteProgress;

  constructor({ from }: Stretch, work: DeleteWork, files: ErrorFiles) {
    const { progress } = work.claim;
    const start = { position: from, matched: 0, deleted: 0, refused: 0, ...NO_ERRORS };
    this.#work = work;
    this.#files = files;
    this.#progress = progress === undefined ? start : readDeleteProgress(progress);
  }

  get progress(): DeleteProgress {
    return this.#progress;
  }

  async take(found: readonly Found[]): Promise<void> {
    const matched = this.#progress.matched + found.length;
    if (this.#work.spec.dryRun) {
      this.#progress = { ...this.#progress, matched };
      return;
    }
    await commitEach(found, {
      commit: (chunk) => this.#delete(chunk),
      refused: (one, refusal) => this.#stays(one, refusal),
    });
    await this.#recordDenied();
    if (isFull(this.#progress))
      this.#progress = { ...this.#progress, ...(await this.#files.written(this.#progress)) };
  }

  async #delete(chunk: readonly Found[]): Promise<void> {
    const next = this.#behind(chunk.at(-1), chunk.length, { deleted: chunk.length });
    await commitPlanned(this.#context(next), () => planOf(chunk));
    this.#progress = next;
    this.#files.named();
  }

  /** Told with the next commit, or at the end. */
  #stays(one: Found, refusal: Refusal): void {
    const isGone = refusal.kind === 'deleted';
    this.#progress = this.#behind(one, 1, { refused: isGone ? 0 : 1 });
    if (isGone) return;
    const line = errorLine(refusal.issues, `${one.type}/${one.id}`);
    this.#progress = { ...this.#progress, ...withLines(this.#progress, [line]) };
    if (refusal.status !== 409) this.#denied.push({ ...one, status: refusal.status });
  }

  async #recordDenied(): Promise<void> {
    const denied = this.#denied.splice(0);
    if (denied.length === 0) return;
    const { audit } = this.#context(this.#progress);
    await Promise.all(
      denied.map(({ type, id, status }) =>
        audit?.record({ interaction: 'delete', type, id }, 'refused', status),
      ),
    );
  }

  #behind(
    last: Found | undefined,
    matched: number,
    { deleted = 0, refused = 0 }: { readonly deleted?: number; readonly refused?: number },
  ): DeleteProgress {
    const before = this.#progress;
    return {
      ...before,
      position: last?.position ?? before.position,
      matched: before.matched + matched,
      deleted: before.deleted + deleted,
      refused: before.refused + refused,
    };
  }

  #context(progress: DeleteProgress): Context {
    const { spec, claim, bench } = this.#work;
    return askerContext(spec.asker, claim, bench, () => writeDelete(progress));
  }
}

function planOf(chunk: readonly Found[]): Planned {
  const writes = chunk.map(({ type, id, versionId }): Write => {
    return { kind: 'delete', type, id, expected: { kind: 'version', versionId } };
  });
  const conflict = (_write: number, current: string | undefined): Refusal =>
    current === undefined
      ? new Refusal('deleted', 'It has been deleted by somebody else.')
      : new Refusal(
          'version-conflict',
          'It was changed after the kick-off, so it stays: delete it by itself.',
        );
  return { ...UNCONDITIONAL, writes, conflict };
}
