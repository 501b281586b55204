/**
 * `near` as conditions on stored places: latitude in `lo`, longitude in `hi`.
 *
 * Invariant: the same formula as in fhir/search/position.ts.
 */
import { EARTH_RADIUS } from '../../../fhir/search/position.js';
import type { PositionTest } from '../../../fhir/search/query.js';
import { type Fragment, sql } from './fragment.js';

export function positionCondition(test: PositionTest, latitude: Fragment, longitude: Fragment): Fragment {
  const half = (from: Fragment, to: number): Fragment => sql`pow(sin(radians(${to} - ${from}) / 2), 2)`;
  const cosines = sql`cos(radians(${latitude})) * ${Math.cos((test.latitude * Math.PI) / 180)}`;
  const chord = sql`${half(latitude, test.latitude)} + ${cosines} * ${half(longitude, test.longitude)}`;
  return sql`${2 * EARTH_RADIUS} * asin(sqrt(min(1.0, ${chord}))) <= ${test.kilometres}`;
}

/** Between which latitudes all places within the distance lie. A superset. */
export function latitudesOf({ latitude, kilometres }: PositionTest): {
  readonly from: number;
  readonly to: number;
} {
  const degrees = (kilometres / EARTH_RADIUS) * (180 / Math.PI) + 1e-9;
  return { from: latitude - degrees, to: latitude + degrees };
}
