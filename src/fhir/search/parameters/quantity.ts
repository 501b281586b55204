/**
 * Quantity values: `5.4`, `5.4|http://unitsofmeasure.org|mg`, `5.4||mg`; prefixes as on numbers.
 * A UCUM unit that is known stands for all units of its dimension.
 * https://hl7.org/fhir/R4/search.html#quantity
 */
import { UCUM } from '../token-code.js';
import { canonicalAmount } from '../units.js';
import { readAmount } from './number.js';
import { malformed, Problem } from './problem.js';
import type { ReadValue } from './reading.js';
import { splitUnescaped, unescaped } from './split.js';

const SHAPES = 'a quantity is number, number|system|code or number||unit';

export const readQuantity: ReadValue = (text, _at, { definitions }) => {
  const [number = '', systemText, codeText, ...more] = splitUnescaped(text, '|');
  const amount = readAmount(number);
  if (amount instanceof Problem) return amount;
  if (systemText === undefined) return [{ kind: 'quantity', ...amount }];
  if (codeText === undefined || more.length > 0) return malformed(`has the wrong number of bars: ${SHAPES}`);
  const system = unescaped(systemText);
  const code = unescaped(codeText);
  if (system instanceof Problem) return system;
  if (code instanceof Problem) return code;
  if (code === '') return malformed(`names no unit behind its bars: ${SHAPES}`);
  if (system === '') return [{ kind: 'quantity', ...amount, code }];
  const unit = system === UCUM ? definitions.units(code) : undefined;
  if (unit === undefined) return [{ kind: 'quantity', ...amount, system, code }];
  const [lo, hi] = [canonicalAmount(amount.lo, unit), canonicalAmount(amount.hi, unit)];
  return [{ kind: 'quantity', ...amount, system, code, canonical: { base: unit.base, lo, hi } }];
};
