/**
 * The part of FHIRPath that search parameters are written in, as a tree.
 * https://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression
 *
 * Invariant: what cannot be evaluated exactly as FHIRPath says is refused (UnsupportedExpression), never guessed.
 * `resolve() is X` is a node of its own: it is judged by the reference's text, nothing is resolved.
 */
import { type Lexeme, lexemesOf } from './lexemes.js';

export type Expression =
  /** What the expression starts from: the resource, a composite's root, the item of a `where`. */
  | { readonly kind: 'focus' }
  /** `Patient` at the beginning: the focus, if it is one. */
  | { readonly kind: 'type'; readonly type: string }
  /** `%resource` */
  | { readonly kind: 'resource' }
  | { readonly kind: 'member'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly of: Expression; readonly index: number }
  | { readonly kind: 'where'; readonly of: Expression; readonly criterion: Expression }
  | { readonly kind: 'of-type'; readonly of: Expression; readonly type: string }
  | { readonly kind: 'extension'; readonly of: Expression; readonly url: string }
  | { readonly kind: 'union'; readonly of: readonly Expression[] }
  | { readonly kind: 'exists'; readonly of: Expression }
  | { readonly kind: 'has-extension'; readonly of: Expression; readonly url: string }
  | { readonly kind: 'resolves-to'; readonly of: Expression; readonly type: string }
  | {
      readonly kind: 'equals';
      readonly left: Expression;
      readonly right: Expression;
      readonly negated: boolean;
    }
  | { readonly kind: 'and'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'literal'; readonly value: string | number | boolean };

/** An expression outside the subset. Its text is a definition's, never patient data. */
export class UnsupportedExpression extends Error {
  override readonly name: string = 'UnsupportedExpression';
  constructor(
    expression: string,
    /** What is wrong and where, without a full stop. */
    readonly reason: string,
  ) {
    super(`The expression ${expression} cannot be compiled: ${reason}.`);
  }
}

/** A step to an element that the type before it has not. */
export class UnknownElement extends UnsupportedExpression {
  override readonly name = 'UnknownElement';
}

interface Reader {
  readonly text: string;
  readonly lexemes: readonly Lexeme[];
  at: number;
}

export function parseExpression(text: string): Expression {
  const lexemes = lexemesOf(text);
  if (typeof lexemes === 'string') throw new UnsupportedExpression(text, lexemes);
  const reader: Reader = { text, lexemes, at: 0 };
  const expression = conjunction(reader);
  if (reader.at < lexemes.length) throw unexpected(reader);
  return expression;
}

function conjunction(reader: Reader): Expression {
  let left = equality(reader);
  while (take(reader, 'and')) left = { kind: 'and', left, right: equality(reader) };
  return left;
}

function equality(reader: Reader): Expression {
  const left = union(reader);
  if (take(reader, '=')) return { kind: 'equals', left, right: union(reader), negated: false };
  if (take(reader, '!=')) return { kind: 'equals', left, right: union(reader), negated: true };
  return left;
}

function union(reader: Reader): Expression {
  const first = typed(reader);
  if (!peek(reader, '|')) return first;
  const of = [first];
  while (take(reader, '|')) of.push(typed(reader));
  return { kind: 'union', of };
}

/** `x as T`, `x is T`; the latter only behind `resolve()`. */
function typed(reader: Reader): Expression {
  let of = path(reader);
  while (take(reader, 'as')) of = { kind: 'of-type', of, type: name(reader) };
  return of;
}

function path(reader: Reader): Expression {
  let of = term(reader);
  for (;;) {
    if (take(reader, '.')) of = step(reader, of);
    else if (take(reader, '[')) {
      const index = next(reader);
      if (index.kind !== 'number') throw unexpected(reader);
      of = { kind: 'index', of, index: index.value };
      expect(reader, ']');
    } else return of;
  }
}

function term(reader: Reader): Expression {
  const lexeme = next(reader);
  switch (lexeme.kind) {
    case 'text':
    case 'number':
      return { kind: 'literal', value: lexeme.value };
    case 'name':
      if (lexeme.value === 'true' || lexeme.value === 'false') {
        return { kind: 'literal', value: lexeme.value === 'true' };
      }
      if (peek(reader, '(')) return call(reader, { kind: 'focus' }, lexeme.value);
      if (/^[A-Z]/.test(lexeme.value)) return { kind: 'type', type: lexeme.value };
      return { kind: 'member', of: { kind: 'focus' }, name: lexeme.value };
    case 'sign':
      if (lexeme.value === '%resource') return { kind: 'resource' };
      if (lexeme.value === '$this') return { kind: 'focus' };
      if (lexeme.value !== '(') throw unexpected(reader);
      return parenthesised(reader);
  }
}

function parenthesised(reader: Reader): Expression {
  const inner = conjunction(reader);
  expect(reader, ')');
  return inner;
}

function step(reader: Reader, of: Expression): Expression {
  const called = name(reader);
  return peek(reader, '(') ? call(reader, of, called) : { kind: 'member', of, name: called };
}

/** Functions by name; each reads its arguments up to the closing parenthesis. */
const FUNCTIONS: Readonly<Record<string, (reader: Reader, of: Expression) => Expression>> = {
  where: (reader, of) => ({ kind: 'where', of, criterion: conjunction(reader) }),
  as: (reader, of) => ({ kind: 'of-type', of, type: name(reader) }),
  ofType: (reader, of) => ({ kind: 'of-type', of, type: name(reader) }),
  extension: (reader, of) => ({ kind: 'extension', of, url: literalText(reader) }),
  hasExtension: (reader, of) => ({ kind: 'has-extension', of, url: literalText(reader) }),
  exists: (_reader, of) => ({ kind: 'exists', of }),
};

function call(reader: Reader, of: Expression, called: string): Expression {
  expect(reader, '(');
  if (called === 'resolve') {
    expect(reader, ')');
    expect(reader, 'is');
    return { kind: 'resolves-to', of, type: name(reader) };
  }
  const make = Object.hasOwn(FUNCTIONS, called) ? FUNCTIONS[called] : undefined;
  if (make === undefined)
    throw new UnsupportedExpression(reader.text, `the function ${called}() is not known`);
  const made = make(reader, of);
  expect(reader, ')');
  return made;
}

function literalText(reader: Reader): string {
  const lexeme = next(reader);
  if (lexeme.kind !== 'text') throw unexpected(reader);
  return lexeme.value;
}

function name(reader: Reader): string {
  const lexeme = next(reader);
  if (lexeme.kind !== 'name') throw unexpected(reader);
  return lexeme.value;
}

function next(reader: Reader): Lexeme {
  const lexeme = reader.lexemes[reader.at];
  if (lexeme === undefined) throw new UnsupportedExpression(reader.text, 'it ends too early');
  reader.at += 1;
  return lexeme;
}

/** Is the next lexeme this sign or keyword? */
function peek(reader: Reader, value: string): boolean {
  const lexeme = reader.lexemes[reader.at];
  return lexeme !== undefined && lexeme.kind !== 'text' && lexeme.value === value;
}

function take(reader: Reader, value: string): boolean {
  if (!peek(reader, value)) return false;
  reader.at += 1;
  return true;
}

function expect(reader: Reader, value: string): void {
  if (!take(reader, value)) throw unexpected(reader);
}

function unexpected(reader: Reader): UnsupportedExpression {
  return new UnsupportedExpression(reader.text, `its part number ${reader.at + 1} is not expected there`);
}
