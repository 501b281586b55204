/** Folding: case, accents and white space do not tell texts apart. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldString, foldToken } from './fold.js';

const SEED = 20_240_229;

describe('foldString', () => {
  it.each([
    ['Müller', 'muller'],
    ['  Jean \t  Luc\n', 'jean luc'],
    ['ÅNGSTRÖM', 'angstrom'],
    ['e\u0301', 'e'],
    ['İstanbul', 'istanbul'],
    ["O'Neill-Smith", "o'neill-smith"],
    ['山田', '山田'],
    ['a\u00a0b', 'a b'],
    ['', ''],
  ])('makes of "%s" "%s"', (text, folded) => {
    expect(foldString(text)).toBe(folded);
  });

  it(`changes nothing the second time (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(foldString(foldString(text))).toBe(foldString(text));
      }),
      { seed: SEED },
    );
  });
});

describe('foldToken', () => {
  it('is lower case and nothing more', () => {
    expect(foldToken(' É-1')).toBe(' é-1');
  });
});
