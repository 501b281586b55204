/**
 * Date values: `2020`, `ge2020-03`, `lt2020-03-01T10:00+01:00`. A date covers the time of its precision.
 * https://hl7.org/fhir/R4/search.html#date
 */
import { type DateRange, dateRange } from '../../primitives/date.js';
import type { DateTest } from '../query.js';
import { PREFIX_HINT, readPrefix } from './prefix.js';
import { malformed, type Problem } from './problem.js';
import type { ReadValue } from './reading.js';

/** A `+` that was not percent-encoded arrives as a space. */
const LOST_PLUS = / (?=\d\d:\d\d$)/;

export const readDate: ReadValue = (text, _at, { now }) => {
  const test = readDateTest(text, now);
  return 'prefix' in test ? [test] : test;
};

export function readDateTest(text: string, now: number | undefined): DateTest | Problem {
  const { prefix, rest } = readPrefix(text);
  const range = dateRange(rest.replace(LOST_PLUS, '+'));
  if (range === undefined) {
    return malformed(
      `is no date: write it like 2020, 2020-03, 2020-03-01 or 2020-03-01T10:00:00Z, ${PREFIX_HINT}`,
    );
  }
  if (prefix !== 'ap') return { kind: 'date', prefix, ...range };
  if (now === undefined)
    return malformed('cannot be approximate here: name the earliest and the latest date');
  return { kind: 'date', prefix: 'overlaps', ...approximately(range, now) };
}

/** Ten per cent of the time between now and the date, to both sides. */
function approximately({ lo, hi }: DateRange, now: number): DateRange {
  const distance = now < lo ? lo - now : now > hi ? now - hi : 0;
  const margin = Math.round(distance / 10);
  return { lo: lo - margin, hi: hi + margin };
}
