import { describe, expect, it } from 'vitest';
import { safePattern } from './pattern.js';

describe('an expression', () => {
  it.each([
    ['LP.*-[0-9]', 'LP14-7', true],
    ['LP.*-[0-9]', 'xLP14-7', false],
    ['a|bc', 'bc', true],
    ['(a|b)c', 'bc', true],
    ['\\d{4}-\\d+', '8867-4', true],
    ['[(+*]x', '+x', true],
    ['a\\)+', 'a))', true],
    ['.*', 'x'.repeat(201), false],
  ])('%s on %s', (source, text, matches) => {
    expect(safePattern(source)?.(text)).toBe(matches);
  });

  it.each(['(a+)+', '(a|a)*b', '.*.*.*x', '(?=a)b', '(a)\\1', 'a?b?c?d?e?', '(', 'x'.repeat(501)])(
    'that is none, or could run long, is not run: %s',
    (source) => {
      expect(safePattern(source)).toBeUndefined();
    },
  );
});
