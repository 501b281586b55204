/**
 * What a kind of job is to the runner: how a part is done. A kind knows its work; the runner knows leases, retries,
 * cancellation and the end of files that lead nowhere.
 *
 * Invariant: doing a part twice, at the same time even, leaves the same as doing it once: it writes files of its own, which
 * count when its outcome is recorded, and it changes resources by steps alone (ports/jobs.ts).
 */
import type { TenantParts } from '../interactions/context.js';
import type { Fetcher } from '../net/fetcher.js';
import type { BlobFacts } from '../ports/blobs.js';
import type { Claim, PartOutcome } from '../ports/jobs.js';

export interface JobKind {
  run(claim: Claim, bench: Workbench): Promise<PartOutcome>;
}

/** What a part is done with. */
export interface Workbench {
  readonly parts: TenantParts;
  readonly settings: KindSettings;
  /** For what lies elsewhere. */
  readonly fetcher: Fetcher;
  /** To be called between steps: so much more of the part's units is done. Throws LeaseLost where the part is no longer ours. */
  done(units: number): void;
  /** A file of the job; its name is made of `label` and is unlike that of any other run of the part. */
  file(label: string): Promise<JobFileWriter>;
}

export interface JobFileWriter {
  readonly name: string;
  write(bytes: Buffer): Promise<void> | undefined;
  close(): Promise<BlobFacts>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
  /** A step that was committed names it: it stays, whatever becomes of this run of the part. */
  keep(): void;
}

export interface KindSettings {
  /** Units in one part, about. */
  readonly partSize: number;
  /** Bytes that a fetched file may have, before and after it is unpacked. */
  readonly fileLimit: number;
  /** Milliseconds that a file may take to be fetched, with all that is done with it meanwhile. */
  readonly fileTimeLimit: number;
  /** Bytes of one resource in a file. */
  readonly lineLimit: number;
}

/** Somebody else has the part, or the job has ended: there is nothing to be told. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}
