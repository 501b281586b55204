/**
 * Why a search parameter cannot be taken as it stands. Readers of names and values return it; parse-search makes issues
 * of all of them at once.
 *
 * Invariant: the reason says what is wrong and what would be right, and never repeats the value.
 */
import type { IssueCode } from '../../outcome.js';

export type ProblemKind =
  /** No such parameter. */
  | 'unknown'
  /** Specified by FHIR, not served here. */
  | 'unsupported'
  /** A custom parameter whose index is not complete yet. */
  | 'indexing'
  /** A modifier that is not served, or not on this type of parameter. */
  | 'modifier'
  /** Not served, and never to be left out: without it the search would mean something else. */
  | 'essential'
  | 'empty'
  | 'malformed'
  | 'too-costly';

const CODES: Readonly<Record<ProblemKind, IssueCode>> = {
  unknown: 'not-supported',
  unsupported: 'not-supported',
  indexing: 'transient',
  modifier: 'not-supported',
  essential: 'not-supported',
  empty: 'invalid',
  malformed: 'invalid',
  'too-costly': 'too-costly',
};

/** What a lenient search may leave out, with a warning; FHIR never allows that for modifiers. */
const IGNORABLE: ReadonlySet<ProblemKind> = new Set(['unknown', 'unsupported', 'empty']);

export class Problem {
  constructor(
    readonly kind: ProblemKind,
    /** A sentence that goes on from "The search parameter x". */
    readonly reason: string,
  ) {}

  get code(): IssueCode {
    return CODES[this.kind];
  }

  get ignorable(): boolean {
    return IGNORABLE.has(this.kind);
  }
}

export function malformed(reason: string): Problem {
  return new Problem('malformed', reason);
}
