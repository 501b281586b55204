/**
 * Index values as the integers and texts that are stored, grouped by parameter, and the JSON in which they are kept
 * beside the resource (`index_entry`, in SQLite's binary form: https://www.sqlite.org/jsonb.html).
 *
 *   key        12                       token, words, reference, uri, compartment: an interned integer
 *   range      [lo, hi]                 date, number; a position's latitude and longitude
 *   quantity   [lo, hi, S, C, U]        with the interned texts of system, code and unit, and where the unit converts
 *              [… , B, lo, hi]          the base units' text and the range in them
 *   string     ["folded", "exact"]
 *   composite  [[row, …], [row, …], …]  one occurrence: the rows of each component
 *
 * That there is a range or a quantity of a parameter is a key besides (PRESENT), which does not stand in `index_entry`.
 *
 * Invariant: numbers come back from the text bit by bit; infinities too.
 */
import type { IndexValue, QuantityValue, ReferenceTarget } from '../../fhir/search/index-value.js';
import { urlIdentity, versionIdentity } from './catalogue.js';
import type { Connection } from './connection.js';
import type { Interner } from './interner.js';

export type KeyRow = number;
export type RangeRow = readonly number[];
export type StringRow = readonly [folded: string, exact: string];
export type CompositeRow = readonly (readonly SimpleRow[])[];
export type SimpleRow = KeyRow | RangeRow | StringRow;
export type Row = SimpleRow | CompositeRow;

export function isString(row: Row): row is StringRow {
  return typeof row !== 'number' && typeof row[0] === 'string';
}

export function isRange(row: Row): row is RangeRow {
  return typeof row !== 'number' && typeof row[0] === 'number';
}

export function isComposite(row: Row): row is CompositeRow {
  return typeof row !== 'number' && typeof row[0] === 'object';
}

/**
 * The key of all resources that have a range of a parameter, so that they can be read in the order of pages: `:missing=false`. The
 * primary date needs none, as its order is that one, and no interned integer is negative.
 */
export const PRESENT: KeyRow = -1;

/** The integer under which a composite is looked up: that of its first component that has one, else 0. */
export function compositeKeys(row: CompositeRow): readonly KeyRow[] {
  for (const component of row) {
    const keys = component.filter((one) => typeof one === 'number');
    if (keys.length > 0) return keys;
  }
  return [0];
}

/** Most values are one row. */
export function valueRows(interner: Interner, value: IndexValue): readonly Row[] {
  switch (value.kind) {
    case 'token':
      return [interner.token(value.system, value.code)];
    case 'text':
      return [interner.words(value.folded)];
    case 'uri':
      return [interner.text(value.value)];
    case 'reference':
      return referenceRows(interner, value.target);
    case 'string':
      return [[value.folded, value.exact]];
    case 'date':
    case 'number':
      return [[value.lo, value.hi]];
    case 'position':
      return [[value.latitude, value.longitude]];
    case 'words':
      return []; // full-text.ts takes them from the stored bytes
    case 'contained':
      return []; // an identity with rows of its own, see contained-rows.ts
    case 'quantity':
      return [quantityRow(interner, value)];
    case 'composite':
      return [value.components.map((component) => component.flatMap((part) => simpleRows(interner, part)))];
  }
}

function quantityRow(interner: Interner, value: QuantityValue): RangeRow {
  const { lo, hi, system, code, unit, canonical } = value;
  const written = [lo, hi, interner.text(system), interner.text(code), interner.text(unit)];
  if (canonical === undefined) return written;
  return [...written, interner.text(canonical.base), canonical.lo, canonical.hi];
}

/** Under which unit a row's range stands in `range_index`, and where in the row it is. */
export function rangesOf(row: RangeRow): readonly (readonly [unit: number, lo: number, hi: number])[] {
  const [lo = 0, hi = 0, , , , base, canonicalLo = 0, canonicalHi = 0] = row;
  if (base === undefined) return [[AS_WRITTEN, lo, hi]];
  return [
    [AS_WRITTEN, lo, hi],
    [base, canonicalLo, canonicalHi],
  ];
}

/** The unit of ranges that are not converted; base units have the integers of their texts. */
export const AS_WRITTEN = 0;

/** Composites have no composites in them. */
function simpleRows(interner: Interner, value: IndexValue): readonly SimpleRow[] {
  return valueRows(interner, value).filter((row): row is SimpleRow => !isComposite(row));
}

/** A version-specific reference is found by its version and without it. */
function referenceRows(interner: Interner, target: ReferenceTarget): readonly KeyRow[] {
  if (target.kind === 'local') {
    const plain = interner.identity(target.type, target.id);
    if (target.version === undefined) return [plain];
    return [plain, interner.identity(...versionIdentity(target.type, target.id, target.version))];
  }
  const plain = interner.identity(...urlIdentity(target.url));
  if (target.version === undefined) return [plain];
  return [plain, interner.identity(...urlIdentity(target.url, target.version))];
}

const READ_ENTRY = 'SELECT json(rows) FROM index_entry WHERE rid = ?';

/** The rows of a resource by parameter; none where it is not indexed. */
export function readEntry(connection: Connection, rid: number): Map<number, Row[]> {
  const [text = '{}'] = connection.get<[string]>(READ_ENTRY, rid) ?? [];
  // The text was written by row-maker.ts: parameter ids to rows.
  const parsed = JSON.parse(text) as Record<string, Row[]>;
  return new Map(Object.entries(parsed).map(([param, list]) => [Number(param), list]));
}

/** The rows of one parameter, as they stand in an entry. */
export function rowsOf(text: string): readonly Row[] {
  return JSON.parse(text) as readonly Row[]; // written by row-maker.ts
}

export function rowText(row: Row): string {
  if (typeof row === 'number') return String(row);
  if (isString(row)) return JSON.stringify(row);
  if (isComposite(row))
    return `[${row.map((component) => `[${component.map(rowText).join(',')}]`).join(',')}]`;
  return `[${(row as RangeRow).map(numberText).join(',')}]`; // not a key, not a string, not a composite
}

/** Integers beyond 2^53 in exponent form: SQLite reads a plain integer literal as 64 bits, not as a double. */
function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '9e999';
  if (value === Number.NEGATIVE_INFINITY) return '-9e999';
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
}
