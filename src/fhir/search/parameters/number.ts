/**
 * Number values: `100` means what rounds to it; prefixes other than eq, ne and ap compare with the number itself.
 * https://hl7.org/fhir/R4/search.html#number
 */
import { approximateRange, implicitRange } from '../../primitives/decimal.js';
import type { Prefix } from '../query.js';
import { PREFIX_HINT, readPrefix } from './prefix.js';
import { malformed, type Problem } from './problem.js';
import type { ReadValue } from './reading.js';

/** The ranges of NumberTest and QuantityTest. */
export interface Amount {
  readonly prefix: Prefix;
  readonly lo: number;
  readonly hi: number;
}

export const readNumber: ReadValue = (text) => {
  const amount = readAmount(text);
  return 'prefix' in amount ? [{ kind: 'number', ...amount }] : amount;
};

export function readAmount(text: string): Amount | Problem {
  const { prefix, rest } = readPrefix(text);
  const range = prefix === 'ap' ? approximateRange(rest) : implicitRange(rest);
  if (range === undefined) {
    return malformed(`is no number: write it like 5, -5.40 or 1e-3, ${PREFIX_HINT}`);
  }
  const { lo, hi, value } = range;
  if (prefix === 'ap') return { prefix: 'overlaps', lo, hi };
  if (prefix === 'eq' || prefix === 'ne') return { prefix, lo, hi };
  return { prefix, lo: value, hi: value };
}
