/**
 * Index values as text between threads: a line for each, a JSON tuple. Equal values are equal lines, so the writer need
 * not even parse those that it met before.
 *
 *   [kind, param, …the value's fields in the order of its type]
 *
 * Invariant: what was written is read; JSON has no infinities, so an open end is null on the way.
 */
import type { IndexValue, ReferenceTarget } from '../../fhir/search/index-value.js';

type Tuple = readonly [kind: IndexValue['kind'], param: string, ...fields: unknown[]];

export function valueLines(values: readonly IndexValue[]): string {
  return values.map((value) => JSON.stringify(tupleOf(value))).join('\n');
}

export function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.split('\n');
}

export function valueOfLine(line: string): IndexValue {
  return valueFrom(JSON.parse(line) as Tuple); // made by valueLines
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
    case 'quantity':
      return [kind, param, value.lo, value.hi, value.system, value.code, value.unit];
    case 'reference': {
      const { target } = value;
      return target.kind === 'local'
        ? [kind, param, target.version ?? null, target.type, target.id]
        : [kind, param, target.version ?? null, target.url];
    }
    case 'uri':
      return [kind, param, value.value];
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
      const [lo, hi, system, code, unit] = fields as [number | null, number | null, string, string, string];
      return { kind, param, lo: lowEnd(lo), hi: highEnd(hi), system, code, unit };
    }
    case 'reference':
      return { kind, param, target: targetOf(fields as [string | null, string, string?]) };
    case 'uri': {
      const [value] = fields as [string];
      return { kind, param, value };
    }
    case 'composite': {
      const [components] = fields as [Tuple[][]];
      return { kind, param, components: components.map((component) => component.map(valueFrom)) };
    }
  }
}

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
