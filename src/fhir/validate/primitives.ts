/**
 * Whether a JSON value is a value of a primitive type.
 * https://hl7.org/fhir/R4/datatypes.html#primitive, https://hl7.org/fhir/R4/json.html#primitive
 *
 * Invariants: dates exist; numbers are judged by their literal (`1.0` is no integer); every check takes linear time.
 */
import type { Definitions, PrimitiveDefinition } from '../definitions/definitions.js';
import { type JsonValue, literalOf, NumberLiteral } from '../format/json.js';
import { xhtmlProblem } from './xhtml.js';

export type PrimitiveCheck = (value: JsonValue) => boolean;

/** Longest string that the specification allows. */
const MAX_STRING = 1024 * 1024;
const MAX_INTEGER = 2_147_483_647;
const MIN_INTEGER = -2_147_483_648;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const DELETE = 0x7f;

export function primitiveChecks(definitions: Definitions): ReadonlyMap<string, PrimitiveCheck> {
  return new Map(
    [...definitions.primitives.values()].map((primitive) => [primitive.name, checkOf(primitive)]),
  );
}

/** Text without white space: URIs, ids of elements, `Reference.reference`. */
export function isUnspaced(value: JsonValue): boolean {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_STRING) return false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code <= SPACE) return false;
    if (code >= DELETE) return !/\s/.test(value);
  }
  return true;
}

function checkOf({ name, pattern }: PrimitiveDefinition): PrimitiveCheck {
  const own = Object.hasOwn(OWN_CHECKS, name) ? OWN_CHECKS[name] : undefined;
  if (own !== undefined) return own;
  const whole = new RegExp(`^(?:${pattern ?? '[\\s\\S]+'})$`);
  return DATED.has(name)
    ? (value) => typeof value === 'string' && whole.test(value) && dayExists(value)
    : (value) =>
        typeof value === 'string' && value.length > 0 && value.length <= MAX_STRING && whole.test(value);
}

const DATED: ReadonlySet<string> = new Set(['date', 'dateTime', 'instant']);

/** What the specification's pattern leaves open, or would check slowly. */
const OWN_CHECKS: Readonly<Record<string, PrimitiveCheck>> = {
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => isInteger(value, MIN_INTEGER),
  unsignedInt: (value) => isInteger(value, 0),
  positiveInt: (value) => isInteger(value, 1),
  decimal: isDecimal,
  string: isText,
  markdown: isText,
  base64Binary: isBase64,
  uri: isUnspaced,
  url: isUnspaced,
  canonical: isUnspaced,
  xhtml: (value) => typeof value === 'string' && xhtmlProblem(value) === undefined,
};

function isInteger(value: JsonValue, least: number): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && value >= least && value <= MAX_INTEGER;
  return value instanceof NumberLiteral && value.literal === '-0' && least <= 0;
}

/** Any literal that a double can stand for: what overflows or vanishes could not be compared in a search. */
function isDecimal(value: JsonValue): boolean {
  if (typeof value === 'number') return true;
  if (!(value instanceof NumberLiteral) || !Number.isFinite(value.value)) return false;
  return value.value !== 0 || !/^-?[0.]*[1-9]/.test(literalOf(value));
}

/** Control characters but tab, line feed and carriage return are refused. Loops beat patterns on short texts. */
function isText(value: JsonValue): boolean {
  if (typeof value !== 'string' || value.length > MAX_STRING) return false;
  let visible = false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < SPACE && code !== TAB && code !== LINE_FEED && code !== CARRIAGE_RETURN) return false;
    if (code > SPACE && code < DELETE) visible = true;
  }
  return visible || /\S/.test(value);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** White space may stand anywhere in it. */
function isBase64(value: JsonValue): boolean {
  if (typeof value !== 'string') return false;
  const plain = /\s/.test(value) ? value.replace(/\s+/g, '') : value;
  return plain.length > 0 && plain.length % 4 === 0 && BASE64.test(plain);
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Of a text that has passed the pattern: `YYYY-MM-DD…` or less. */
function dayExists(text: string): boolean {
  if (text.length < 10) return true;
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  const month = Number(text.slice(5, 7));
  if (month === 2 && day === 29) return isLeapYear(Number(text.slice(0, 4)));
  return day <= (DAYS[month - 1] ?? 0);
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
