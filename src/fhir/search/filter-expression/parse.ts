/**
 * The text of a `_filter` becomes a tree.
 * https://hl7.org/fhir/R4/search_filter.html
 *
 *   filter      = term *( ("and" / "or") term )          from left to right: `and` binds no closer than `or`
 *   term        = comparison / ["not"] "(" filter ")"
 *   comparison  = path SP operator SP value
 *   path        = *( step "." / "_has:" name ":" name ":" ) name
 *   step        = name [":" name] ["[" filter "]"]
 *   value       = JSON string / what runs to the next white space, ")" or "]"
 *
 * Beyond the specification's grammar of R4: `subject:Patient.name` and `_has:`, as in the names of other parameters.
 *
 * Invariant: what is wrong is told with its position, and never by the text of a value.
 */
import { JsonSyntaxError, parseJson } from '../../format/parse.js';
import { nearest } from '../nearest.js';
import { malformed, Problem } from '../parameters/problem.js';
import {
  type Comparison,
  type FilterExpression,
  type FilterValue,
  OPERATORS,
  type Operator,
  type Parameter,
  type PathStep,
} from './expression.js';

/** Parentheses, brackets and the steps of a path inside of each other. */
const MAX_DEPTH = 100;
/** Steps of one path, as in the names of other parameters. */
const MAX_STEPS = 24;

class Reader {
  at = 0;
  depth = 0;
  constructor(readonly text: string) {}
}

/** Thrown inside of this file alone: where, and what would be right. */
class Unexpected extends Error {
  constructor(
    readonly at: number,
    readonly expected: string,
  ) {
    super(expected);
  }
}

class TooDeep extends Error {}

export function parseFilterExpression(text: string): FilterExpression | Problem {
  const reader = new Reader(text);
  try {
    const expression = filter(reader);
    if (reader.at < text.length) throw new Unexpected(reader.at, 'and, or or the end');
    return expression;
  } catch (error) {
    if (error instanceof TooDeep) {
      return new Problem(
        'too-costly',
        `is nested deeper than ${MAX_DEPTH} levels: search in several requests`,
      );
    }
    if (!(error instanceof Unexpected)) throw error;
    const found = foundAt(text, error.at);
    return malformed(
      `is not understood at character ${characterAt(text, error.at)}: there is ${found}, expected is ${error.expected}`,
    );
  }
}

/** As people count: from 1, and a sign past U+FFFF is one. */
export function characterAt(text: string, at: number): number {
  return [...text.slice(0, at)].length + 1;
}

function filter(reader: Reader): FilterExpression {
  reader.depth += 1;
  if (reader.depth > MAX_DEPTH) throw new TooDeep();
  let left = term(reader);
  let chained: { kind: 'and' | 'or'; of: FilterExpression[] } | undefined;
  for (let word = connective(reader); word !== undefined; word = connective(reader)) {
    const right = term(reader);
    if (chained?.kind === word) chained.of.push(right);
    else {
      chained = { kind: word, of: [left, right] };
      left = chained;
    }
  }
  reader.depth -= 1;
  return left;
}

function connective(reader: Reader): 'and' | 'or' | undefined {
  const [, word] = take(reader, /\s*(?:(and|or)(?=[\s(]|$))?/iy) ?? [];
  return word === undefined ? undefined : (word.toLowerCase() as 'and' | 'or'); // the pattern knows no other
}

function term(reader: Reader): FilterExpression {
  take(reader, /\s*/y);
  const negated = take(reader, /not(?=[\s(])/iy) !== undefined;
  if (!negated && reader.text[reader.at] !== '(') return comparison(reader);
  need(reader, /\s*\(/y, 'a parenthesis behind not');
  const of = filter(reader);
  need(reader, /\s*\)/y, 'and, or or a closing parenthesis');
  return negated ? { kind: 'not', of } : of;
}

function comparison(reader: Reader): Comparison {
  const path = pathOf(reader);
  need(reader, /\s+/y, 'a space and an operator');
  const operatorAt = reader.at;
  const operator = operatorOf(reader);
  need(reader, /\s+/y, 'a space and a value');
  return { kind: 'comparison', path, operator, operatorAt, value: value(reader) };
}

const REVERSED = /_has:([A-Za-z]+):([A-Za-z_][\w-]*):/y;
const NAME = /([A-Za-z_][\w-]*)(?::([A-Za-z]+))?/y;

function pathOf(reader: Reader): Comparison['path'] {
  const steps: PathStep[] = [];
  for (;;) {
    const { at } = reader;
    if (steps.length > MAX_STEPS) throw new Unexpected(at, `a path of no more than ${MAX_STEPS} steps`);
    const [, source, code] = take(reader, REVERSED) ?? [];
    if (source !== undefined && code !== undefined) {
      steps.push({ kind: 'reversed', source, code, at });
      continue;
    }
    const [step, leadsOn] = parameter(reader);
    if (!leadsOn) return [...steps, step];
    steps.push(step);
  }
}

const NO_MODIFIER = 'an operator, which is what modifiers are here, or a resource type and a dot';

/** A name, and whether it is followed to other resources. */
function parameter(reader: Reader): readonly [Parameter, boolean] {
  const { at } = reader;
  const [, code = '', only] = need(reader, NAME, 'the name of a search parameter');
  const named: Parameter = { kind: 'parameter', code, at, ...(only === undefined ? {} : { only }) };
  if (take(reader, /\[/y) === undefined) {
    const leadsOn = take(reader, /\./y) !== undefined;
    if (only !== undefined && !leadsOn) throw new Unexpected(at + code.length, NO_MODIFIER);
    return [named, leadsOn];
  }
  const where = filter(reader);
  need(reader, /\s*\]/y, 'and, or or a closing bracket');
  need(reader, /\./y, 'a dot and a name behind the bracket');
  return [{ ...named, where }, true];
}

function operatorOf(reader: Reader): Operator {
  const { at } = reader;
  const [word = ''] = take(reader, /[A-Za-z]+(?=\s|$)/y) ?? [];
  const known = OPERATORS.find((operator) => operator === word.toLowerCase());
  if (known !== undefined) return known;
  const [near] = word.length > 3 ? [] : nearest(word, OPERATORS, 1);
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
  throw new Unexpected(at, `one of the operators ${OPERATORS.join(', ')}${hint}`);
}

const QUOTED = /"(?:[^"\\]|\\.)*"(?=[\s)\]]|$)/sy;
const SHAPE_OF_TEXT =
  'a text in quotes as in JSON, closed, its quotes and backslashes escaped, and a space behind it';

function value(reader: Reader): FilterValue {
  const { at } = reader;
  if (reader.text[at] !== '"') {
    const [word] = need(reader, /[^\s)\]]+/y, 'a value');
    return { kind: 'word', value: word as string, at }; // the whole match
  }
  const [quoted] = take(reader, QUOTED) ?? [];
  const text = quoted === undefined ? undefined : unquoted(quoted);
  if (text === undefined) throw new Unexpected(at, SHAPE_OF_TEXT);
  return { kind: 'text', value: text, at };
}

function unquoted(quoted: string): string | undefined {
  try {
    const text = parseJson(quoted);
    return typeof text === 'string' ? text : undefined;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

/** What the pattern finds right here, which is then behind. */
function take(reader: Reader, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return undefined;
  reader.at = pattern.lastIndex;
  return found;
}

function need(reader: Reader, pattern: RegExp, expected: string): RegExpExecArray {
  const found = take(reader, pattern);
  if (found !== undefined) return found;
  take(reader, /\s*/y);
  throw new Unexpected(reader.at, expected);
}

/** Signs of the grammar as they are; words could be data. */
function foundAt(text: string, at: number): string {
  const [sign] = text.slice(at, at + 1);
  if (sign === undefined) return 'the end';
  if (sign === '"') return 'a quote';
  if (/\s/.test(sign)) return 'a space';
  return /[()[\].:]/.test(sign) ? `a ${sign}` : /[A-Za-z_]/.test(sign) ? 'a word' : 'another sign';
}
