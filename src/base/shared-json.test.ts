import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readShared, writeShared } from './shared-json.js';

describe('shared JSON', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue())), (value) => {
        expect(readShared(writeShared(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { seed: 20261122 },
    );
  });

  it('reads what looks like its own references', () => {
    const value = { '=': { '=': 0, of: [{ '=': 1 }] } };

    expect(readShared(writeShared(value))).toEqual(value);
  });

  it('leaves out what is undefined, as JSON does', () => {
    expect(readShared(writeShared({ a: undefined, b: [undefined] }))).toEqual({ b: [null] });
  });

  it('says once what is the same, be it one object or equal ones, and shares it when it is read', () => {
    const equal = (): object => ({ says: 'the same of every type, at some length', to: ['a', 'b'] });
    const one = equal();
    const text = writeShared({ first: one, second: one, third: equal(), fourth: [one, equal()] });
    const { first, third, fourth } = readShared<Record<'first' | 'third', object> & { fourth: object[] }>(
      text,
    );

    expect(text.match(/at some length/g)).toHaveLength(1);
    expect(first).toEqual(one);
    expect([third, ...fourth].every((read) => read === first)).toBe(true);
  });
});
