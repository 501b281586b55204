/**
 * Places on Earth and how far they are from each other.
 * https://hl7.org/fhir/R4/location.html#near
 */
export interface Place {
  /** Decimal degrees of WGS 84. */
  readonly latitude: number;
  readonly longitude: number;
}

/** Mean radius, kilometres: the ellipsoid differs from the sphere by half a per cent at most. */
export const EARTH_RADIUS = 6371.0088;

/** Kilometres along the surface (haversine formula). */
export function distance(from: Place, to: Place): number {
  const half = (degrees: number): number => Math.sin((degrees * Math.PI) / 360) ** 2;
  const cosines = Math.cos((from.latitude * Math.PI) / 180) * Math.cos((to.latitude * Math.PI) / 180);
  const chord = half(to.latitude - from.latitude) + cosines * half(to.longitude - from.longitude);
  return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(Math.min(1, chord)));
}
