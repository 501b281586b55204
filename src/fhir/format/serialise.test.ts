/** Tree → JSON text: what parse read comes out as it was written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from './parse.js';
import { serialise, serialisePretty } from './serialise.js';

const SEED = 20_240_229;

describe('serialise', () => {
  it.each([
    '1.0',
    '1E-22',
    '0.00',
    '12345678901234567890',
    '-0',
    '{"b":1,"a":{"__proto__":2},"c":[[],{},null,true,"x"]}',
    '{"value":7.40,"low":[0.10,-0.0]}',
    '"\\"\\\\\\n\\u0001 é 😀"',
  ])('gives back %s byte for byte', (text) => {
    expect(serialise(parseJson(text))).toBe(text);
  });

  it('escapes lone surrogates, which UTF-8 cannot carry', () => {
    const text = serialise('a\ud800b');

    expect(text).toBe('"a\\ud800b"');
    expect(parseJson(Buffer.from(text).toString('utf8'))).toBe('a\ud800b');
  });

  it('refuses a number that JSON does not have', () => {
    expect(() => serialise({ value: Number.NaN })).toThrow('finite');
  });

  it(`agrees with JSON.parse on any tree (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const tree = parseJson(text);

        expect(JSON.parse(serialise(tree))).toEqual(JSON.parse(text));
        expect(JSON.parse(serialisePretty(tree))).toEqual(JSON.parse(text));
        if (indent === undefined) expect(serialise(tree)).toBe(text);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe('serialisePretty', () => {
  it('indents by two spaces and keeps literals', () => {
    const text = '{\n  "a": 1.0,\n  "b": [\n    {\n      "c": []\n    },\n    {}\n  ]\n}';

    expect(serialisePretty(parseJson(text))).toBe(text);
  });
});
