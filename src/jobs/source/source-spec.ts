/**
 * Plain data of a run of a source: what travels with its job, what its parts left, and what is remembered of a source
 * between runs.
 *
 * Invariant: names, times and counts alone; who we are there and with which key is in the configuration.
 */
export interface SourceSpec {
  readonly source: string;
  /** The instant of the last good run; absent: everything is asked for. */
  readonly since?: string;
}

/** `file`: one of those that were pulled. */
export type SourcePart = { readonly step: 'pull' } | ({ readonly step: 'file' } & PulledFile);

export interface PulledFile {
  readonly path: string;
  readonly size: number;
  /** Of all that is in it; of a file of deletions: Bundle. */
  readonly type: string;
  readonly holds: 'resources' | 'deletions';
}

export type SourceResult =
  | {
      readonly step: 'pull';
      /** What the source knew by then is in. */
      readonly transactionTime: string;
      /** Where the files of this run are. */
      readonly folder: string;
      /** What the source says it could not export. */
      readonly serverErrors: number;
      readonly deleted: number;
    }
  | {
      readonly step: 'file';
      readonly stored: number;
      readonly refused: number;
      /** Files of the job that say what was refused, and why. */
      readonly errors: readonly string[];
    };

/** A run under way. */
export interface UnderwayRun {
  readonly job: string;
  readonly began: number;
}

export interface FinishedRun extends UnderwayRun {
  readonly ended: number;
  /** `partly`: what came is in, but the source had more, or something was refused here. */
  readonly outcome: 'good' | 'partly' | 'failed';
  readonly problem?: string;
  readonly stored: number;
  readonly deleted: number;
  readonly refused: number;
  readonly errors: readonly string[];
}

/** Between runs. Times are milliseconds since 1970. */
export interface SourceState {
  readonly since?: string;
  readonly last?: FinishedRun;
  /** In a row. */
  readonly failures: number;
  /** When the next run is due; what is not on a schedule looks at it not. */
  readonly due: number;
}

export function writeSource(
  value: SourceSpec | SourcePart | SourceResult | UnderwayRun | SourceState,
): string {
  return JSON.stringify(value);
}

// What is read below was written above, by this version or one that it can follow.
export function readSourceSpec(text: string): SourceSpec {
  return JSON.parse(text) as SourceSpec;
}

export function readSourcePart(text: string): SourcePart {
  return JSON.parse(text) as SourcePart;
}

export function readSourceResult(text: string): SourceResult {
  return JSON.parse(text) as SourceResult;
}

export function readUnderwayRun(text: string): UnderwayRun {
  return JSON.parse(text) as UnderwayRun;
}

export function readSourceState(text: string): SourceState {
  return JSON.parse(text) as SourceState;
}
