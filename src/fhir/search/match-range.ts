/**
 * Prefixes: how a range of a resource compares with the range of a search.
 * https://hl7.org/fhir/R4/search.html#prefix
 *
 * Invariant: the tables below are the formulas of query.ts, and nothing else decides.
 */
import type { DateTest, Prefix } from './query.js';

export interface Range {
  readonly lo: number;
  readonly hi: number;
}

type Comparison = (value: Range, test: Range) => boolean;

/** Both ends of both ranges are inclusive. */
const DATES: Readonly<Record<Prefix, Comparison>> = {
  eq: (value, test) => test.lo <= value.lo && value.hi <= test.hi,
  ne: (value, test) => !(test.lo <= value.lo && value.hi <= test.hi),
  gt: (value, test) => value.hi > test.hi,
  lt: (value, test) => value.lo < test.lo,
  ge: (value, test) => value.hi >= test.lo,
  le: (value, test) => value.lo <= test.hi,
  sa: (value, test) => value.lo > test.hi,
  eb: (value, test) => value.hi < test.lo,
  overlaps: (value, test) => value.lo <= test.hi && value.hi >= test.lo,
  includes: (value, test) => value.lo <= test.lo && value.hi >= test.hi,
};

/** The test's range is half-open for eq, ne and overlaps, and one number (lo) for the others. */
const NUMBERS: Readonly<Record<Prefix, Comparison>> = {
  eq: (value, test) => test.lo <= value.lo && value.hi < test.hi,
  ne: (value, test) => !(test.lo <= value.lo && value.hi < test.hi),
  gt: (value, test) => value.hi > test.lo,
  lt: (value, test) => value.lo < test.lo,
  ge: (value, test) => value.hi >= test.lo,
  le: (value, test) => value.lo <= test.lo,
  sa: (value, test) => value.lo > test.lo,
  eb: (value, test) => value.hi < test.lo,
  overlaps: (value, test) => value.lo < test.hi && value.hi >= test.lo,
  includes: (value, test) => value.lo <= test.lo && value.hi >= test.hi,
};

export function dateTestPasses(value: Range, test: Omit<DateTest, 'kind'>): boolean {
  return DATES[test.prefix](value, test);
}

/** For numbers, and for the amounts of quantities. */
export function numberTestPasses(value: Range, test: Range & { readonly prefix: Prefix }): boolean {
  return NUMBERS[test.prefix](value, test);
}
