/**
 * Tree → JSON text: the only place that writes resources, so that number literals come out as they came in.
 * https://www.rfc-editor.org/rfc/rfc8259
 *
 * Invariant: parseJson(serialise(tree)) is the tree, properties in their order; lone surrogates leave as escapes, so
 * that UTF-8 keeps them.
 */
import { assert } from '../../base/assert.js';
import { type JsonValue, NumberLiteral } from './json.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what has to be escaped
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

/** Without white space. */
export function serialise(value: JsonValue): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return scalar(value);
  if (value instanceof NumberLiteral) return value.literal;
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += text === '' ? serialise(item) : `,${serialise(item)}`;
    return `[${text}]`;
  }
  for (const name of Object.keys(value)) {
    const member = `${quote(name)}:${serialise(value[name] as JsonValue)}`; // an own key has a value
    text += text === '' ? member : `,${member}`;
  }
  return `{${text}}`;
}

/** Indented by two spaces, one property or item a line. */
export function serialisePretty(value: JsonValue): string {
  return pretty(value, '\n');
}

function pretty(value: JsonValue, lineBreak: string): string {
  if (typeof value !== 'object' || value === null || value instanceof NumberLiteral) return serialise(value);
  const inner = `${lineBreak}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[${inner}${value.map((item) => pretty(item, inner)).join(`,${inner}`)}${lineBreak}]`;
  }
  const members = Object.entries(value).map(([name, member]) => `${quote(name)}: ${pretty(member, inner)}`);
  return members.length === 0 ? '{}' : `{${inner}${members.join(`,${inner}`)}${lineBreak}}`;
}

function quote(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function scalar(value: null | boolean | number): string {
  assert(typeof value !== 'number' || Number.isFinite(value), 'a number in a JSON tree is finite');
  return String(value);
}
