/**
 * Which part of the server a URL belongs to. `/fhir` is the default tenant's FHIR base, `/t/{tenant}/fhir` the others'.
 *
 * Invariant: a tenant that is not configured is not there; no request falls from one tenant to another.
 */
import { Refusal } from '../fhir/outcome.js';
import type { FhirEndpoint } from './fhir-endpoint.js';

export const DEFAULT_TENANT = 'default';

const FHIR = '/fhir';
const TENANTS = '/t/';

export function basePathOf(tenant: string): string {
  return tenant === DEFAULT_TENANT ? FHIR : `${TENANTS}${tenant}${FHIR}`;
}

/** The endpoint for a URL; undefined where it belongs to the application. */
export function fhirDoor(
  url: string,
  endpoints: ReadonlyMap<string, FhirEndpoint>,
): FhirEndpoint | undefined {
  if (isBelow(url, 0)) return endpoints.get(DEFAULT_TENANT);
  if (!url.startsWith(TENANTS)) return undefined;
  const end = url.indexOf('/', TENANTS.length);
  if (end < 0 || !isBelow(url, end)) return undefined;
  const tenant = url.slice(TENANTS.length, end);
  const endpoint = tenant === DEFAULT_TENANT ? undefined : endpoints.get(tenant);
  if (endpoint === undefined) throw new Refusal('unknown-route', 'There is no such tenant on this server.');
  return endpoint;
}

/** `/fhir` begins at `from`, and ends there or goes on with a slash or a query. */
function isBelow(url: string, from: number): boolean {
  if (!url.startsWith(FHIR, from)) return false;
  const next = url[from + FHIR.length];
  return next === undefined || next === '/' || next === '?';
}
