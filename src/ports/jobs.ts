/**
 * Long work, kept in the tenant's store: a job is made of parts, which any process may claim, work on and finish.
 *
 *   add ──▶ running ── all parts finished ──▶ complete ──┐
 *              │ ├──── a part failed for good ▶ failed ──┤ its time has passed, or cancelled
 *              └─┴──── cancel ────────────────▶ cancelled ┴──▶ removed, after its files
 *
 *   part:  waiting ── claim ──▶ leased ── finish ──▶ finished
 *             ▲                    │ the lease ended: whoever claims next takes over
 *             └────── fail ────────┘
 *
 * Invariants: what resolved is durable and seen by every process. A part is finished once, by who holds its lease; what it
 * leads to (its result, further parts) is recorded with that. A part that writes resources does so in steps (`Commit.step`),
 * each made once. A job's position and time are those of one commit position:
 * every commit up to it has a `lastUpdated` not after `time`, every later one has one after it.
 */
import type { MaybePromise, Position } from './backend.js';

export type JobState = 'running' | 'complete' | 'failed' | 'cancelled';

export interface NewJob {
  readonly id: string;
  /** Which kind of work: `export`. */
  readonly kind: string;
  /** Whose it is. */
  readonly principal: string;
  /** What is to be done: text that its kind understands, JSON by custom. */
  readonly spec: string;
  /** What it begins with. */
  readonly first: NewPart;
  /** Refused where the principal has so many jobs of the kind running. */
  readonly limit: number;
}

export interface NewPart {
  readonly spec: string;
  /** Units of work in it, for the progress: versions to look at. */
  readonly total: number;
}

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly principal: string;
  readonly state: JobState;
  readonly spec: string;
  /** What it reads is as of here. */
  readonly position: Position;
  /** Milliseconds since 1970 UTC: when that was, and when the job was added. */
  readonly time: number;
  /** Its principal has asked after it. */
  readonly looked: boolean;
  /** Until when it is kept; absent while it runs. */
  readonly expires?: number;
  /** Why it failed: said to its principal. */
  readonly problem?: string;
}

export interface JobProgress {
  readonly parts: number;
  readonly finishedParts: number;
  readonly done: number;
  readonly total: number;
}

/** A part that somebody works on, until the lease ends. */
export interface Claim {
  readonly job: Job;
  readonly part: number;
  readonly spec: string;
  readonly lease: string;
  /** What the last step of an earlier claim said; absent: there was none. */
  readonly progress?: string;
}

/**
 * A commit that is a step of a part: it is made while the claim holds and not after, and how far the part has come is
 * recorded in the same transaction, so that whoever takes over goes on behind it.
 */
export interface JobStep {
  readonly claim: Claim;
  /** Text that the job's kind understands. */
  readonly progress: string;
}

export interface PartOutcome {
  /** Text that the job's kind understands. */
  readonly result: string;
  /** Parts to be done now that this one is. */
  readonly next: readonly NewPart[];
}

export interface JobStore {
  /** Undefined: too many are running. */
  add(job: NewJob): Promise<Pick<Job, 'position' | 'time'> | undefined>;
  /** Undefined: there is none, it was cancelled, or its time has passed. */
  job(id: string): MaybePromise<Job | undefined>;
  progress(id: string): MaybePromise<JobProgress>;
  /** Of the parts that are finished, in the order of their numbers. */
  results(id: string): MaybePromise<readonly string[]>;
  /** Its principal has asked after it. */
  look(id: string): Promise<void>;
  /** False: there is nothing to cancel. What works on its parts hears of it with the next `beat`. */
  cancel(id: string): Promise<boolean>;
  /** A part that nobody works on; jobs take turns. Undefined: there is none at present. `until`: milliseconds since 1970. */
  claim(lease: string, until: number): Promise<Claim | undefined>;
  /** Still at it; `done` of the part's units. False: somebody else has it, or the job has ended. */
  beat(claim: Claim, done: number, until: number): Promise<boolean>;
  /** False: it was not the claim's any more, and nothing was recorded. `expires`: of the job, where this was its last part. */
  finish(claim: Claim, outcome: PartOutcome, expires: number): Promise<boolean>;
  /** The part is given back; the job fails where it was tried too often, or `final`. */
  fail(claim: Claim, problem: string, final: boolean, expires: number): Promise<void>;
  /** The part is given back unfinished, and that is no failure. */
  giveBack(claim: Claim): Promise<void>;
  /** Whether there is anything to do, or to be taken over later. */
  hasWork(): MaybePromise<boolean>;
  /** Jobs that were cancelled or whose time has passed. */
  ended(): MaybePromise<readonly string[]>;
  /** Nothing is left of it: call it when its files are gone. */
  remove(id: string): Promise<void>;
}

/** A part is given up when it failed so often; whose process died under it, when that happened so often. */
export const FAILURES = 3;
export const CLAIMS = 20;
