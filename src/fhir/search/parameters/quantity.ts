/**
 * Quantity values: `5.4`, `5.4|http://unitsofmeasure.org|mg`, `5.4||mg`; prefixes as on numbers.
 * https://hl7.org/fhir/R4/search.html#quantity
 */
import { readAmount } from './number.js';
import { malformed, Problem } from './problem.js';
import type { ReadValue } from './reading.js';
import { splitUnescaped, unescaped } from './split.js';

const SHAPES = 'a quantity is number, number|system|code or number||unit';

export const readQuantity: ReadValue = (text) => {
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
  return [{ kind: 'quantity', ...amount, ...(system === '' ? {} : { system }), code }];
};
