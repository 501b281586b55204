/** Dates of records, in words: `21 November 2026`, `November 2026`, `2026`; the time of a day is left out. */

const FORMATS: Readonly<Record<number, Intl.DateTimeFormatOptions>> = {
  7: { year: 'numeric', month: 'long' },
  10: { year: 'numeric', month: 'long', day: 'numeric' },
};

export function dayWords(date: string): string {
  const day = date.slice(0, 10);
  const format = FORMATS[day.length];
  if (format === undefined) return day;
  return new Intl.DateTimeFormat('en-GB', { ...format, timeZone: 'UTC' }).format(new Date(day));
}
