/**
 * Index values as text between threads: a line for each. Equal values are equal lines, so the writer need not even read
 * those that it met before.
 *
 *   t param ␟ system ␟ code          s param ␟ exact ␟ folded        u param ␟ uri
 *   d param ␟ lo ␟ hi                n param ␟ lo ␟ hi               p param ␟ latitude ␟ longitude
 *   q param ␟ lo ␟ hi ␟ system ␟ code ␟ unit, and where the unit converts ␟ base ␟ lo ␟ hi
 *   w param ␟ folded words
 *   r param ␟ version ␟ url          l param ␟ version ␟ type ␟ id   ('' = no version)
 *   c param ␝ value ␞ value … ␝ …    composite: its components, and their values as above
 *   x [type, id, lines]              a contained resource with the lines of its values, as a JSON tuple
 *   j [kind, param, …]               whatever has a control character or an empty version in it, as a JSON tuple
 *
 * Invariant: what was written is read; JSON has no infinities, so an open end is null there.
 */
import type { ContainedValue, IndexValue, ReferenceTarget } from '../../fhir/search/index-value.js';

type Tuple = readonly [kind: IndexValue['kind'], param: string, ...fields: unknown[]];

const FIELD = '\u001f';
const VALUE = '\u001e';
const COMPONENT = '\u001d';
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the lines are made with
const CONTROL = /[\u0000-\u001f]/;

export function valueLines(values: readonly IndexValue[]): string {
  let text = '';
  for (const value of values) text += text === '' ? lineOf(value) : `\n${lineOf(value)}`;
  return text;
}

export function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.split('\n');
}

export function isDateLine(line: string): boolean {
  return line.startsWith('d');
}

/** A contained resource as it travels. */
export interface ContainedLines {
  readonly type: string;
  readonly id: string;
  readonly lines: string;
}

export function isContainedLine(line: string): boolean {
  return line.startsWith('x');
}

/** Of a line that is one of a contained resource. */
export function containedOfLine(line: string): ContainedLines {
  const [type, id, lines] = JSON.parse(line.slice(1)) as [string, string, string]; // made by valueLines
  return { type, id, lines };
}

export function valueOfLine(line: string): IndexValue {
  if (isContainedLine(line)) return containedValue(containedOfLine(line));
  if (line.startsWith('j')) return valueFrom(JSON.parse(line.slice(1)) as Tuple); // made by valueLines
  if (!line.startsWith('c')) return plainValue(line);
  const [param = '', ...components] = line.slice(1).split(COMPONENT);
  return {
    kind: 'composite',
    param,
    components: components.map((one) => (one === '' ? [] : one.split(VALUE).map(plainValue))),
  };
}

function containedValue({ type, id, lines }: ContainedLines): ContainedValue {
  return { kind: 'contained', param: '@contained', type, id, values: linesOf(lines).map(valueOfLine) };
}

function lineOf(value: IndexValue): string {
  if (value.kind === 'contained')
    return `x${JSON.stringify([value.type, value.id, valueLines(value.values)])}`;
  const line = value.kind === 'composite' ? compositeLine(value) : plainLine(value);
  return line ?? `j${JSON.stringify(tupleOf(value))}`;
}

/** Undefined: it needs the form of JSON. */
function compositeLine({ param, components }: IndexValue & { kind: 'composite' }): string | undefined {
  let line = `c${param}`;
  for (const component of components) {
    line += COMPONENT;
    let isFirst = true;
    for (const value of component) {
      const inner = plainLine(value);
      if (inner === undefined) return undefined;
      line += isFirst ? inner : VALUE + inner;
      isFirst = false;
    }
  }
  return line;
}

/** Undefined: it needs the form of JSON. */
function plainLine(value: IndexValue): string | undefined {
  const { param } = value;
  switch (value.kind) {
    case 'token':
      return CONTROL.test(value.system) || CONTROL.test(value.code)
        ? undefined
        : `t${param}${FIELD}${value.system}${FIELD}${value.code}`;
    case 'string':
      return CONTROL.test(value.exact) || CONTROL.test(value.folded)
        ? undefined
        : `s${param}${FIELD}${value.exact}${FIELD}${value.folded}`;
    case 'text':
      return CONTROL.test(value.folded) ? undefined : `w${param}${FIELD}${value.folded}`;
    case 'position':
      return `p${param}${FIELD}${value.latitude}${FIELD}${value.longitude}`;
    case 'date':
      return `d${param}${FIELD}${value.lo}${FIELD}${value.hi}`;
    case 'number':
      return `n${param}${FIELD}${value.lo}${FIELD}${value.hi}`;
    case 'quantity': {
      const unit = `${value.system}${FIELD}${value.code}${FIELD}${value.unit}`;
      const { canonical } = value;
      const converted =
        canonical === undefined
          ? ''
          : `${FIELD}${canonical.base}${FIELD}${canonical.lo}${FIELD}${canonical.hi}`;
      return hasControl([value.system, value.code, value.unit])
        ? undefined
        : `q${param}${FIELD}${value.lo}${FIELD}${value.hi}${FIELD}${unit}${converted}`;
    }
    case 'reference':
      return referenceLine(param, value.target);
    case 'uri':
      return CONTROL.test(value.value) ? undefined : `u${param}${FIELD}${value.value}`;
    case 'words':
    case 'composite':
    case 'contained':
      return undefined;
  }
}

function referenceLine(param: string, target: ReferenceTarget): string | undefined {
  const { version = '' } = target;
  if (target.version === '' || CONTROL.test(version)) return undefined;
  if (target.kind === 'url')
    return CONTROL.test(target.url) ? undefined : `r${param}${FIELD}${version}${FIELD}${target.url}`;
  return hasControl([target.type, target.id])
    ? undefined
    : `l${param}${FIELD}${version}${FIELD}${target.type}${FIELD}${target.id}`;
}

function hasControl(texts: readonly string[]): boolean {
  return texts.some((text) => CONTROL.test(text));
}

/** A line without inner values. */
function plainValue(line: string): IndexValue {
  const [param = '', first = '', second = '', third = '', fourth = '', fifth = '', base, lo, hi] = line
    .slice(1)
    .split(FIELD);
  switch (line.charAt(0)) {
    case 't':
      return { kind: 'token', param, system: first, code: second };
    case 's':
      return { kind: 'string', param, exact: first, folded: second };
    case 'd':
      return { kind: 'date', param, lo: Number(first), hi: Number(second) };
    case 'n':
      return { kind: 'number', param, lo: Number(first), hi: Number(second) };
    case 'q': {
      const unit = { system: third, code: fourth, unit: fifth };
      const canonical = base === undefined ? {} : { canonical: { base, lo: Number(lo), hi: Number(hi) } };
      return { kind: 'quantity', param, lo: Number(first), hi: Number(second), ...unit, ...canonical };
    }
    case 'w':
      return { kind: 'text', param, folded: first };
    case 'p':
      return { kind: 'position', param, latitude: Number(first), longitude: Number(second) };
    case 'r':
      return { kind: 'reference', param, target: { kind: 'url', url: second, ...versioned(first) } };
    case 'l':
      return {
        kind: 'reference',
        param,
        target: { kind: 'local', type: second, id: third, ...versioned(first) },
      };
    default:
      return { kind: 'uri', param, value: first };
  }
}

function versioned(version: string): { readonly version?: string } {
  return version === '' ? {} : { version };
}

function tupleOf(value: IndexValue): Tuple {
  const { kind, param } = value;
  switch (kind) {
    case 'token':
      return [kind, param, value.system, value.code];
    case 'string':
      return [kind, param, value.exact, value.folded];
    case 'date':
    case 'number':
      return [kind, param, value.lo, value.hi];
    case 'text':
      return [kind, param, value.folded];
    case 'position':
      return [kind, param, value.latitude, value.longitude];
    case 'quantity': {
      const { lo, hi, system, code, unit, canonical } = value;
      const written: Tuple = [kind, param, lo, hi, system, code, unit];
      return canonical === undefined ? written : [...written, canonical.base, canonical.lo, canonical.hi];
    }
    case 'reference': {
      const { target } = value;
      return target.kind === 'local'
        ? [kind, param, target.version ?? null, target.type, target.id]
        : [kind, param, target.version ?? null, target.url];
    }
    case 'uri':
      return [kind, param, value.value];
    case 'words':
      return [kind, param, value.words];
    case 'contained':
      return [kind, param, value.type, value.id, valueLines(value.values)];
    case 'composite':
      return [kind, param, value.components.map((component) => component.map(tupleOf))];
  }
}

function valueFrom([kind, param, ...fields]: Tuple): IndexValue {
  switch (kind) {
    case 'token': {
      const [system, code] = fields as [string, string]; // as tupleOf wrote it; so below
      return { kind, param, system, code };
    }
    case 'string': {
      const [exact, folded] = fields as [string, string];
      return { kind, param, exact, folded };
    }
    case 'date':
    case 'number': {
      const [lo, hi] = fields as [number | null, number | null];
      return { kind, param, lo: lowEnd(lo), hi: highEnd(hi) };
    }
    case 'quantity': {
      const [lo, hi, system, code, unit, base, canonicalLo = null, canonicalHi = null] =
        fields as QuantityFields;
      const written = { kind, param, lo: lowEnd(lo), hi: highEnd(hi), system, code, unit };
      if (base === undefined) return written;
      return { ...written, canonical: { base, lo: lowEnd(canonicalLo), hi: highEnd(canonicalHi) } };
    }
    case 'text': {
      const [folded] = fields as [string];
      return { kind, param, folded };
    }
    case 'position': {
      const [latitude, longitude] = fields as [number, number];
      return { kind, param, latitude, longitude };
    }
    case 'reference':
      return { kind, param, target: targetOf(fields as [string | null, string, string?]) };
    case 'uri': {
      const [value] = fields as [string];
      return { kind, param, value };
    }
    case 'words': {
      const [words] = fields as [string];
      return { kind, param, words };
    }
    case 'contained': {
      const [type, id, lines] = fields as [string, string, string];
      return containedValue({ type, id, lines });
    }
    case 'composite': {
      const [components] = fields as [Tuple[][]];
      return { kind, param, components: components.map((component) => component.map(valueFrom)) };
    }
  }
}

type End = number | null;
type QuantityFields = [
  lo: End,
  hi: End,
  system: string,
  code: string,
  unit: string,
  base?: string,
  lo?: End,
  hi?: End,
];

function targetOf([version, typeOrUrl, id]: readonly [string | null, string, string?]): ReferenceTarget {
  const versioned = version === null ? {} : { version };
  return id === undefined
    ? { kind: 'url', url: typeOrUrl, ...versioned }
    : { kind: 'local', type: typeOrUrl, id, ...versioned };
}

function lowEnd(end: number | null): number {
  return end ?? Number.NEGATIVE_INFINITY;
}

function highEnd(end: number | null): number {
  return end ?? Number.POSITIVE_INFINITY;
}
