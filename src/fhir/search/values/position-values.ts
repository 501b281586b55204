/**
 * Positions of locations, for `near`.
 * https://hl7.org/fhir/R4/location.html#near
 */
import { isNumber, isObject, numberOf } from '../../format/json.js';
import type { ValueTable } from './extraction.js';

export const POSITION_VALUES: ValueTable = {
  'Location.position': (param) => (value, walk) => {
    if (!isObject(value) || !isNumber(value.latitude) || !isNumber(value.longitude)) return;
    const [latitude, longitude] = [numberOf(value.latitude), numberOf(value.longitude)];
    if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return; // nowhere on Earth
    walk.values.push({ kind: 'position', param, latitude, longitude });
  },
};
