/** Paths of patches: whatever the text, it is read or refused, and quickly. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathError, parsePath } from './path-expression.js';

const SEED = 20_240_229;
const PIECES = [
  'Patient',
  '.',
  'name',
  '[0]',
  '(',
  ')',
  "'a'",
  "'",
  '=',
  '!=',
  'where(',
  'ofType(',
  ' and ',
  ' or ',
  '$this',
  '@2020',
  'first()',
  'exists()',
  '.not()',
  ' as ',
  '`x`',
  '1',
  '-1',
  '\\',
  '"',
  'é',
  '%resource',
  '{}',
];

describe('parsePath', () => {
  it('reads members, indices and filters', () => {
    expect(parsePath(" Patient . name.where( use = 'a\\u0062' ).given [ 1 ] ")).toEqual({
      root: 'Patient',
      steps: [
        { kind: 'member', name: 'name' },
        {
          kind: 'where',
          criterion: {
            kind: 'compare',
            path: { steps: [{ kind: 'member', name: 'use' }] },
            literal: { kind: 'text', value: 'ab' },
            negated: false,
          },
        },
        { kind: 'member', name: 'given' },
        { kind: 'item', index: 1 },
      ],
    });
  });

  it.each([
    '',
    ' ',
    '(',
    'a b',
    'a.',
    'a[-1]',
    'a[x]',
    '1',
    "'a'",
    'a = 1',
    'resolve()',
    'a.where(',
    "a.where(b = '",
    'a | b',
    'a.where(%resource.b)',
  ])('refuses "%s"', (text) => {
    expect(() => parsePath(text)).toThrow(PathError);
  });

  it('refuses what is too long or too deep', () => {
    expect(() => parsePath('a.'.repeat(1500))).toThrow('longer than 2000');
    expect(() => parsePath('a.where('.repeat(30))).toThrow('nested deeper than 20');
    expect(() => parsePath('('.repeat(1999))).toThrow('nested deeper than 20');
  });

  it(`throws nothing but PathError (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 20 }), (pieces) => {
        try {
          parsePath(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(PathError);
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
