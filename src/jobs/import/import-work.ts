/** What an input is imported with. */
import type { NewId } from '../../base/ids.js';
import type { ImportSpec } from '../../interactions/import/import-spec.js';
import type { Claim, Job } from '../../ports/jobs.js';
import type { Workbench } from '../job-kind.js';
import { documentIds } from '../load-context.js';
import type { Meaning } from '../load-resources.js';

export interface ImportWork {
  readonly spec: ImportSpec;
  readonly claim: Claim;
  readonly bench: Workbench;
  /** Absent where ids mean what they say. */
  readonly meaning?: Meaning;
  /** The state of the input that is meant, where it was looked at before. */
  readonly etag?: string;
}

/** A part is done by thousandths: how many lines there are is known at the end. */
export const WHOLE = 1_000;

/** For what a line makes that has no id: the same whenever the line is taken. */
export function lineIds({ id, time }: Pick<Job, 'id' | 'time'>, input: number, line: number): NewId {
  return documentIds({ fingerprint: `${id}/${input}`, changed: time }, line, '');
}
