import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Problem } from './problem.js';
import { splitUnescaped, unescaped } from './split.js';

const SEED = 20_240_101;

test(`what was escaped and joined comes apart as it was (seed ${SEED})`, () => {
  const escaped = (text: string): string => text.replace(/[,|$\\]/g, '\\$&');
  const texts = fc.array(fc.string({ unit: fc.constantFrom('a', ',', '|', '$', '\\', 'é') }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(texts, fc.constantFrom(',' as const, '|' as const, '$' as const), (parts, separator) => {
      const joined = parts.map(escaped).join(separator);
      expect(splitUnescaped(joined, separator).map(unescaped)).toEqual(parts);
    }),
    { seed: SEED },
  );
});

test.each(['a\\b', 'a\\', '\\\\\\', 'x\\\\\\y'])('%s has a backslash that escapes nothing', (text) => {
  expect(unescaped(text)).toBeInstanceOf(Problem);
});

test.each([
  ['a\\,b', 'a,b'],
  ['a\\\\', 'a\\'],
  ['\\$\\|', '$|'],
])('%s is %s', (text, plain) => {
  expect(unescaped(text)).toBe(plain);
});
