/** What an export tells while it runs, and what came of it. */
export interface ExportListener {
  /** A line for people: what the server says, what goes wrong for a while. */
  note(line: string): void;
  /** The list of files is there. `resources` undefined: the server does not say how many there are. */
  found(found: { readonly files: number; readonly resources: number | undefined }): void;
  progress(progress: { readonly files: number; readonly resources: number }): void;
}

/** A file that is not in, and why. */
export interface MissingFile {
  readonly name: string;
  readonly reason: string;
}

export interface ExportSummary {
  /** Where the files are. */
  readonly folder: string;
  readonly transactionTime: string;
  readonly files: number;
  /** Resources by type. */
  readonly resources: ReadonlyMap<string, number>;
  /** Resources that the server says are no more. */
  readonly deleted: number;
  readonly missing: readonly MissingFile[];
  /** What the server could not export, in its words; the first of them. */
  readonly serverErrors: readonly string[];
  readonly serverErrorCount: number;
}

/** Whether everything that was asked for is in. */
export function isComplete({ missing, serverErrorCount }: ExportSummary): boolean {
  return missing.length === 0 && serverErrorCount === 0;
}
