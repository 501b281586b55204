/** Decimals as ranges of what rounds to them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { approximateRange, implicitRange, sameNumber } from './decimal.js';

interface Case {
  readonly literal: string;
  readonly lo?: number;
  readonly hi?: number;
  readonly approximate?: readonly [number, number];
}

const CASES = JSON.parse(readFileSync('src/fhir/primitives/cases/decimals.json', 'utf8')) as Case[]; // our own file

describe('implicitRange', () => {
  it.each(CASES.filter((one) => one.lo !== undefined))('of $literal is [$lo, $hi)', ({ literal, lo, hi }) => {
    expect(implicitRange(literal)).toEqual({ lo, hi, value: Number(literal) });
  });

  it.each(CASES.filter((one) => one.lo === undefined))(
    'does not take "$literal" for a decimal',
    ({ literal }) => {
      expect(implicitRange(literal)).toBeUndefined();
      expect(approximateRange(literal)).toBeUndefined();
    },
  );

  it('does not compute with texts of any length', () => {
    expect(implicitRange('9'.repeat(401))).toBeUndefined();
  });
});

describe('approximateRange', () => {
  it.each(CASES.filter((one) => one.approximate !== undefined))(
    'of $literal is $approximate',
    ({ literal, approximate }) => {
      const range = approximateRange(literal);

      expect(range && [range.lo, range.hi]).toEqual(approximate);
    },
  );
});

describe('sameNumber', () => {
  it.each([
    ['1.0', '1', true],
    ['100', '1e2', true],
    ['0.10', '1E-1', true],
    ['-0', '0.00', true],
    ['12345678901234567890', '12345678901234567890.0', true],
    ['12345678901234567890', '12345678901234567891', false],
    ['-1', '1', false],
    ['1e400', '1e401', false],
  ])('says of %s and %s %s', (left, right, same) => {
    expect(sameNumber(left, right)).toBe(same);
  });
});
