/**
 * Numbers and quantities. A value is itself, without the precision that it was written with: precision belongs to the
 * search. A comparator (`<5`) makes it a range with an open end.
 * https://hl7.org/fhir/R4/search.html#number, https://hl7.org/fhir/R4/search.html#quantity
 */
import type { JsonObject, JsonValue } from '../../format/json.js';
import { isNumber, isObject, numberOf } from '../../format/json.js';
import { UCUM } from '../token-code.js';
import { canonicalAmount } from '../units.js';
import { type Extract, type Extraction, textOf, type ValueTable } from './extraction.js';

const CURRENCIES = 'urn:iso:std:iso:4217';

interface Range {
  readonly lo: number;
  readonly hi: number;
}

export const NUMBER_VALUES: ValueTable = {
  decimal: number(),
  integer: number(),
  positiveInt: number(),
  unsignedInt: number(),
  Range: (param) => (value, walk) => {
    const range = isObject(value) ? rangeOf(value) : undefined;
    if (range !== undefined) walk.values.push({ kind: 'number', param, lo: range.lo, hi: range.hi });
  },
};

export const QUANTITY_VALUES: ValueTable = {
  Quantity: quantity(),
  SimpleQuantity: quantity(),
  Age: quantity(),
  Count: quantity(),
  Distance: quantity(),
  Duration: quantity(),
  Money: (param) => (value, walk) => {
    if (!isObject(value) || !isNumber(value.value)) return;
    const at = numberOf(value.value);
    add(walk, param, { lo: at, hi: at }, { system: CURRENCIES, code: textOf(value.currency) });
  },
  Range: (param) => (value, walk) => {
    const range = isObject(value) ? rangeOf(value) : undefined;
    if (range === undefined || !isObject(value)) return;
    add(walk, param, range, isObject(value.low) ? value.low : (value.high as JsonObject)); // one of them made the range
  },
  SampledData: (param) => (value, walk) => {
    if (!isObject(value) || !isObject(value.origin)) return;
    const known = [value.origin.value, value.lowerLimit, value.upperLimit].filter(isNumber).map(numberOf);
    if (known.length > 0) {
      add(walk, param, { lo: Math.min(...known), hi: Math.max(...known) }, value.origin);
    }
  },
};

function number(): (param: string) => Extract {
  return (param) => (value, walk) => {
    if (!isNumber(value)) return;
    const at = numberOf(value);
    walk.values.push({ kind: 'number', param, lo: at, hi: at });
  };
}

function quantity(): (param: string) => Extract {
  return (param) => (value, walk) => {
    if (isObject(value) && isNumber(value.value)) {
      add(walk, param, compared(numberOf(value.value), value.comparator), value);
    }
  };
}

/** https://hl7.org/fhir/R4/valueset-quantity-comparator.html */
function compared(at: number, comparator: JsonValue | undefined): Range {
  if (comparator === '<' || comparator === '<=') return { lo: Number.NEGATIVE_INFINITY, hi: at };
  if (comparator === '>' || comparator === '>=') return { lo: at, hi: Number.POSITIVE_INFINITY };
  return { lo: at, hi: at };
}

/** https://hl7.org/fhir/R4/datatypes.html#Range: an end that is absent is open, ends in the wrong order are turned. */
function rangeOf(value: JsonObject): Range | undefined {
  const low = isObject(value.low) ? value.low.value : undefined;
  const high = isObject(value.high) ? value.high.value : undefined;
  if (!isNumber(low) && !isNumber(high)) return undefined;
  const lo = isNumber(low) ? numberOf(low) : Number.NEGATIVE_INFINITY;
  const hi = isNumber(high) ? numberOf(high) : Number.POSITIVE_INFINITY;
  return lo <= hi ? { lo, hi } : { lo: hi, hi: lo };
}

function add(walk: Extraction, param: string, { lo, hi }: Range, unit: JsonObject): void {
  const system = textOf(unit.system);
  const code = textOf(unit.code);
  const known = system === UCUM ? walk.units(code) : undefined;
  const converted =
    known === undefined
      ? {}
      : { canonical: { base: known.base, lo: canonicalAmount(lo, known), hi: canonicalAmount(hi, known) } };
  walk.values.push({ kind: 'quantity', param, lo, hi, system, code, unit: textOf(unit.unit), ...converted });
}
