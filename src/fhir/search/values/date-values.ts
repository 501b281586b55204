/**
 * Dates as ranges of time: a partial date is all of its unit, a period may be open, a timing counts by its outer limits.
 * https://hl7.org/fhir/R4/search.html#date
 */
import type { JsonValue } from '../../format/json.js';
import { isObject } from '../../format/json.js';
import { type DateRange, dateRange } from '../../primitives/date.js';
import { OPEN_END } from '../index-value.js';
import type { Extract, ValueTable } from './extraction.js';

export const DATE_VALUES: ValueTable = {
  date: ranged(rangeOf),
  dateTime: ranged(rangeOf),
  instant: ranged(rangeOf),
  Period: ranged(periodOf),
  Timing: ranged(timingOf),
};

function ranged(read: (value: JsonValue) => DateRange | undefined): (param: string) => Extract {
  return (param) => (value, walk) => {
    const range = read(value);
    if (range !== undefined) walk.values.push({ kind: 'date', param, lo: range.lo, hi: range.hi });
  };
}

function rangeOf(value: JsonValue | undefined): DateRange | undefined {
  return typeof value === 'string' ? dateRange(value) : undefined;
}

/** Neither end known is no value; one end known leaves the other open. Ends in the wrong order span the same time. */
function periodOf(value: JsonValue | undefined): DateRange | undefined {
  if (!isObject(value)) return undefined;
  const start = rangeOf(value.start);
  const end = rangeOf(value.end);
  if (start === undefined && end === undefined) return undefined;
  if (start === undefined || end === undefined)
    return { lo: start?.lo ?? -OPEN_END, hi: end?.hi ?? OPEN_END };
  return { lo: Math.min(start.lo, end.lo), hi: Math.max(start.hi, end.hi) };
}

/** From the first event or bound to the last; the schedule between them is not looked at. */
function timingOf(value: JsonValue): DateRange | undefined {
  if (!isObject(value)) return undefined;
  const events = Array.isArray(value.event) ? value.event.map(rangeOf) : [];
  const bounds = isObject(value.repeat) ? periodOf(value.repeat.boundsPeriod) : undefined;
  const known = [...events, bounds].filter((range) => range !== undefined);
  if (known.length === 0) return undefined;
  return {
    lo: known.reduce((least, range) => Math.min(least, range.lo), OPEN_END),
    hi: known.reduce((most, range) => Math.max(most, range.hi), -OPEN_END),
  };
}
