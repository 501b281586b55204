/**
 * Dates of any precision as ranges of time: `2024` is all of that year.
 * https://hl7.org/fhir/R4/datatypes.html#dateTime, https://hl7.org/fhir/R4/search.html#date
 *
 *   2013-01    ──▶ lo = 2013-01-01T00:00:00.000Z, hi = 2013-01-31T23:59:59.999Z
 *
 * Invariants: both ends are inclusive milliseconds since 1970 UTC; text without a zone is taken as UTC; what the calendar
 * does not have (30 February, 24:00) has no range.
 */
export interface DateRange {
  readonly lo: number;
  readonly hi: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** date, dateTime and instant; searches may also leave out the seconds and the zone. */
const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** The time that a date, dateTime or instant covers; undefined where the text is none. */
export function dateRange(text: string): DateRange | undefined {
  const parts = DATE.exec(text);
  if (parts === null) return undefined;
  const year = Number(parts[1]);
  if (year === 0) return undefined;
  if (parts[2] === undefined) return between(startOfMonth(year, 1), startOfMonth(year + 1, 1));
  const month = Number(parts[2]);
  if (month < 1 || month > 12) return undefined;
  const start = startOfMonth(year, month);
  const end = month === 12 ? startOfMonth(year + 1, 1) : startOfMonth(year, month + 1);
  if (parts[3] === undefined) return between(start, end);
  const day = start + (Number(parts[3]) - 1) * DAY;
  if (day < start || day >= end) return undefined;
  return parts[4] === undefined ? between(day, day + DAY) : timeRange(day, parts);
}

/** `2020-01-01T00:00:00.000Z`: how the server writes an instant. */
export function formatInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function timeRange(day: number, parts: RegExpExecArray): DateRange | undefined {
  const [hour, minute] = [Number(parts[4]), Number(parts[5])];
  const offset = zoneOffset(parts[8]);
  if (hour > 23 || minute > 59 || offset === undefined) return undefined;
  const time = day + hour * HOUR + minute * MINUTE - offset;
  if (parts[6] === undefined) return between(time, time + MINUTE);
  const second = Number(parts[6]);
  if (second > 60) return undefined;
  // A leap second has no millisecond of its own on this scale: it is the last one of its minute.
  if (second === 60) return between(time + MINUTE - 1, time + MINUTE);
  const fraction = parts[7] ?? '';
  // Digits past the third lie within one millisecond; fewer leave the rest of the unit open.
  const from = time + second * SECOND + Number(fraction.slice(0, 3).padEnd(3, '0'));
  return between(from, from + 10 ** Math.max(0, 3 - fraction.length));
}

/** Milliseconds east of UTC; undefined past ±14:00. */
function zoneOffset(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === 'Z') return 0;
  const minutes = Number(zone.slice(4, 6));
  const offset = Number(zone.slice(1, 3)) * HOUR + minutes * MINUTE;
  if (minutes > 59 || offset > 14 * HOUR) return undefined;
  return zone.startsWith('-') ? -offset : offset;
}

function between(start: number, next: number): DateRange {
  return { lo: start, hi: next - 1 };
}

/** `Date.UTC` takes the years 0 to 99 for the twentieth century; the Gregorian calendar repeats after 400 years. */
function startOfMonth(year: number, month: number): number {
  return year >= 100 ? Date.UTC(year, month - 1) : Date.UTC(year + 400, month - 1) - 146_097 * DAY;
}
