/**
 * `near=latitude|longitude|distance|units`: places within a distance; without a distance, within ten kilometres.
 * https://hl7.org/fhir/R4/location.html#near
 */
import { canonicalAmount } from '../units.js';
import { malformed, Problem } from './problem.js';
import type { Reading, ReadValue } from './reading.js';
import { splitUnescaped, unescaped } from './split.js';

const DEFAULT_KILOMETRES = 10;
const SHAPE =
  'near is latitude|longitude, with |distance|units behind them if need be, such as 48.2|16.4|5|km';
const DECIMAL = /^[+-]?\d{1,3}(\.\d{1,20})?$/;
const DISTANCE = /^\d{1,9}(\.\d{1,20})?$/;
/** Half of the Earth's circumference: farther away is nothing. */
const FARTHEST = 20_016;

export const readNear: ReadValue = (text, _at, reading) => {
  const parts = splitUnescaped(text, '|');
  const [latitude = '', longitude = '', distance = '', units = ''] = parts;
  if (parts.length < 2 || parts.length > 4) return malformed(`has the wrong number of bars: ${SHAPE}`);
  if (!DECIMAL.test(latitude) || Math.abs(Number(latitude)) > 90) {
    return malformed(`has no latitude from -90 to 90 in front: ${SHAPE}`);
  }
  if (!DECIMAL.test(longitude) || Math.abs(Number(longitude)) > 180) {
    return malformed(`has no longitude from -180 to 180 behind the first bar: ${SHAPE}`);
  }
  const kilometres = distance === '' ? DEFAULT_KILOMETRES : readDistance(distance, units, reading);
  if (kilometres instanceof Problem) return kilometres;
  return [
    {
      kind: 'position',
      latitude: Number(latitude),
      longitude: Number(longitude),
      kilometres: Math.min(kilometres, FARTHEST),
    },
  ];
};

function readDistance(distance: string, escaped: string, { definitions }: Reading): number | Problem {
  if (!DISTANCE.test(distance)) return malformed(`has no distance behind the second bar: ${SHAPE}`);
  const units = unescaped(escaped);
  if (units instanceof Problem) return units;
  if (units === '' || units === 'km') return Number(distance);
  const unit = definitions.units(units);
  if (unit?.base !== 'm') {
    return malformed(
      'measures its distance in no unit of length: units are UCUM codes such as km, m, [mi_i]',
    );
  }
  return canonicalAmount(Number(distance), unit) / 1000;
}
