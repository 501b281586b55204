/** Dates as ranges: the case file, and agreement with the calendar of JavaScript. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateRange, formatInstant } from './date.js';

interface Case {
  readonly text: string;
  readonly lo?: string;
  readonly hi?: string;
}

const CASES = JSON.parse(readFileSync('src/fhir/primitives/cases/dates.json', 'utf8')) as Case[]; // our own file
const SEED = 20_240_229;

describe('dateRange', () => {
  it.each(CASES.filter((one) => one.lo !== undefined))('of $text is $lo to $hi', ({ text, lo, hi }) => {
    const range = dateRange(text);

    expect(range && { lo: formatInstant(range.lo), hi: formatInstant(range.hi) }).toEqual({ lo, hi });
  });

  it.each(CASES.filter((one) => one.lo === undefined))('does not take "$text" for a date', ({ text }) => {
    expect(dateRange(text)).toBeUndefined();
  });

  it(`of any instant is that millisecond, of its day that day (seed ${SEED})`, () => {
    const days = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(days, (date) => {
        const text = date.toISOString();
        const day = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);

        expect(dateRange(text)).toEqual({ lo: date.getTime(), hi: date.getTime() });
        expect(dateRange(text.slice(0, 10))).toEqual({ lo: day, hi: day + 86_399_999 });
      }),
      { seed: SEED },
    );
  });
});

describe('formatInstant', () => {
  it('writes UTC with milliseconds', () => {
    expect(formatInstant(1_577_836_800_000)).toBe('2020-01-01T00:00:00.000Z');
  });
});
