/**
 * JSON text → tree, strict as RFC 8259 has it, in one pass and without loss: number literals survive.
 * https://www.rfc-editor.org/rfc/rfc8259, https://hl7.org/fhir/R4/json.html
 *
 * Invariants: a property name stands once in its object; `__proto__` is a property like others; an error names line,
 * column and what was expected, and repeats of the text no more than the one character that stands in the way.
 */
import { type JsonArray, type JsonNumber, type JsonObject, type JsonValue, NumberLiteral } from './json.js';

/** Deeper nesting is refused: no FHIR resource needs it, and walkers recurse. */
export const MAX_DEPTH = 200;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_E = 0x65;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BYTE_ORDER_MARK = 0xfeff;
/** The bit that makes a Latin capital small. */
const LOWER_CASE = 0x20;

const ESCAPED: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** `message` begins with the place: `line 3, column 7: expected …`. Both count from 1, columns in UTF-16 units. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';

  constructor(
    readonly line: number,
    readonly column: number,
    problem: string,
  ) {
    super(`line ${line}, column ${column}: ${problem}`);
  }
}

export function parseJson(text: string): JsonValue {
  return new Reader(text).document();
}

class Reader {
  private position = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  document(): JsonValue {
    if (this.text.charCodeAt(0) === BYTE_ORDER_MARK) this.position = 1;
    const value = this.value(this.nextToken());
    if (!Number.isNaN(this.nextToken())) throw this.expected('the end of the text');
    return value;
  }

  /** Skips white space; the code of the character then reached, NaN at the end of the text. */
  private nextToken(): number {
    let code = this.text.charCodeAt(this.position);
    while (code === SPACE || code === LINE_FEED || code === CARRIAGE_RETURN || code === TAB) {
      code = this.text.charCodeAt(++this.position);
    }
    return code;
  }

  private value(code: number): JsonValue {
    switch (code) {
      case QUOTE:
        return this.string();
      case OPEN_BRACE:
        return this.object();
      case OPEN_BRACKET:
        return this.array();
      case LETTER_T:
        return this.word('true', true);
      case LETTER_F:
        return this.word('false', false);
      case LETTER_N:
        return this.word('null', null);
      default:
        if (code === MINUS || (code >= ZERO && code <= NINE)) return this.number();
        throw this.expected('a value');
    }
  }

  private object(): JsonObject {
    this.enter();
    const object: JsonObject = {};
    let code = this.nextToken();
    if (code === CLOSE_BRACE) return this.leave(object);
    for (;;) {
      if (code !== QUOTE) throw this.expected('a property name in quotes');
      const start = this.position;
      const name = this.string();
      if (this.nextToken() !== COLON) throw this.expected('":"');
      this.position++;
      // A tree holds no undefined: what is defined is a duplicate or inherited (toString, __proto__).
      if (object[name] === undefined) object[name] = this.value(this.nextToken());
      else this.addUncommon(object, name, start);
      code = this.nextToken();
      if (code === CLOSE_BRACE) return this.leave(object);
      if (code !== COMMA) throw this.expected('"," or "}"');
      this.position++;
      code = this.nextToken();
    }
  }

  /** Properties whose name something already answers to. */
  private addUncommon(object: JsonObject, name: string, start: number): void {
    if (Object.hasOwn(object, name)) throw this.error('this property stands twice in its object', start);
    const value = this.value(this.nextToken());
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  }

  private array(): JsonArray {
    this.enter();
    const array: JsonArray = [];
    let code = this.nextToken();
    if (code === CLOSE_BRACKET) return this.leave(array);
    for (;;) {
      array.push(this.value(code));
      code = this.nextToken();
      if (code === CLOSE_BRACKET) return this.leave(array);
      if (code !== COMMA) throw this.expected('"," or "]"');
      this.position++;
      code = this.nextToken();
    }
  }

  private enter(): void {
    if (++this.depth > MAX_DEPTH) throw this.error(`nested deeper than ${MAX_DEPTH} levels`);
    this.position++;
  }

  private leave<T>(container: T): T {
    this.depth--;
    this.position++;
    return container;
  }

  private string(): string {
    const { text } = this;
    const start = this.position + 1;
    let at = start;
    let code = text.charCodeAt(at);
    while (code !== QUOTE) {
      if (code === BACKSLASH || !(code >= SPACE)) return this.escapedString(start, at);
      code = text.charCodeAt(++at);
    }
    this.position = at + 1;
    return text.slice(start, at);
  }

  /** The rest of a string from its first escape on; or its error. */
  private escapedString(start: number, firstEscape: number): string {
    const { text } = this;
    let value = text.slice(start, firstEscape);
    let plain = firstEscape;
    this.position = firstEscape;
    for (;;) {
      const code = text.charCodeAt(this.position);
      if (code === QUOTE || code === BACKSLASH) {
        value += text.slice(plain, this.position++);
        if (code === QUOTE) return value;
        value += this.escape();
        plain = this.position;
      } else if (code >= SPACE) this.position++;
      else if (Number.isNaN(code)) throw this.expected('the quote that ends the string');
      else throw this.error('control characters in strings have to be escaped');
    }
  }

  private escape(): string {
    const letter = this.text.charAt(this.position);
    if (letter === 'u') {
      const digits = this.text.slice(this.position + 1, this.position + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits))
        throw this.error('"\\u" has to be followed by four hexadecimal digits');
      this.position += 5;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = ESCAPED[letter];
    if (character === undefined || letter.length === 0)
      throw this.expected('one of "\\/bfnrtu after the backslash');
    this.position++;
    return character;
  }

  private number(): JsonNumber {
    const { text } = this;
    const start = this.position;
    if (text.charCodeAt(start) === MINUS) this.position++;
    if (text.charCodeAt(this.position) === ZERO) this.position++;
    else this.digits();
    if (text.charCodeAt(this.position) === POINT) {
      this.position++;
      this.digits();
    }
    if ((text.charCodeAt(this.position) | LOWER_CASE) === LETTER_E) {
      const sign = text.charCodeAt(++this.position);
      if (sign === PLUS || sign === MINUS) this.position++;
      this.digits();
    }
    const literal = text.slice(start, this.position);
    const value = Number(literal);
    return String(value) === literal ? value : new NumberLiteral(literal);
  }

  private digits(): void {
    const start = this.position;
    let code = this.text.charCodeAt(start);
    while (code >= ZERO && code <= NINE) code = this.text.charCodeAt(++this.position);
    if (this.position === start) throw this.expected('a digit');
  }

  private word<T>(word: string, value: T): T {
    for (const letter of word) {
      if (this.text.charAt(this.position) !== letter) throw this.expected(`"${word}"`);
      this.position++;
    }
    return value;
  }

  private expected(what: string): JsonSyntaxError {
    return this.error(`expected ${what}, found ${nameOf(this.text.charCodeAt(this.position))}`);
  }

  private error(problem: string, position = this.position): JsonSyntaxError {
    const lines = this.text.slice(0, position).split(/\r\n|\n|\r/);
    const marked = lines.length === 1 && this.text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0;
    return new JsonSyntaxError(lines.length, (lines.at(-1) ?? '').length + 1 - marked, problem);
  }
}

/** One character in an error's text; those that do not print are named by number. */
function nameOf(code: number): string {
  if (Number.isNaN(code)) return 'the end of the text';
  if (code > SPACE && code < 0x7f) return `'${String.fromCharCode(code)}'`;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
