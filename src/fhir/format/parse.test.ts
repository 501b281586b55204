/** JSON text → tree: what is read, what is refused, and where the fault is said to be. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isObject, type JsonValue, NumberLiteral } from './json.js';
import { JsonSyntaxError, parseJson } from './parse.js';

interface Fault {
  readonly title: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
  readonly says: string;
}

const FAULTS = JSON.parse(readFileSync('src/fhir/format/cases/syntax-errors.json', 'utf8')) as Fault[]; // our own file

describe('parseJson', () => {
  it.each(FAULTS)('refuses $title', ({ text, line, column, says }) => {
    const error = failure(text);

    expect({ line: error.line, column: error.column }).toEqual({ line, column });
    expect(error.message).toBe(`line ${line}, column ${column}: ${says}`);
  });

  it.each(['1.0', '1E-22', '0.00', '12345678901234567890', '-0', '1e400', '1.10', '100e-2'])(
    'keeps the literal %s',
    (literal) => {
      const value = parseJson(literal);

      expect(value).toEqual(new NumberLiteral(literal));
    },
  );

  it.each(['0', '1', '-1', '0.5', '-120.25', '9007199254740991', '1e+21', '5e-324'])(
    'reads %s as a number',
    (literal) => {
      expect(parseJson(literal)).toBe(Number(literal));
    },
  );

  it('makes __proto__ and names of Object.prototype own properties', () => {
    const value = parseJson('{"__proto__":{"polluted":true},"constructor":1,"toString":2}');

    expect(isObject(value) && Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('polluted' in Object.prototype).toBe(false);
  });

  it('reads every escape and keeps lone surrogates', () => {
    const value = parseJson(String.raw`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 \ud800x"`);

    expect(value).toBe('"\\/\b\f\n\r\té😀 \ud800x');
  });

  it('passes over a byte order mark and white space', () => {
    const value: JsonValue = parseJson('\ufeff \t\r\n{ "a" : [ 1 , true , null ] } \n');

    expect(value).toEqual({ a: [1, true, null] });
  });

  it('allows 200 levels of nesting and no more', () => {
    expect(() => parseJson('['.repeat(200) + ']'.repeat(200))).not.toThrow();
    expect(failure('['.repeat(201) + ']'.repeat(201)).message).toBe(
      'line 1, column 201: nested deeper than 200 levels',
    );
  });
});

function failure(text: string): JsonSyntaxError {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
  throw new Error('the text was accepted');
}
