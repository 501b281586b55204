/**
 * The answer of a write, as Prefer wants it.
 * https://hl7.org/fhir/R4/http.html#ops, https://hl7.org/fhir/R4/http.html#return
 *
 * Invariant: the representation is what was stored, byte for byte.
 */
import type { Issue } from '../fhir/outcome.js';
import type { ResourceKey, WriteOutcome } from '../ports/backend.js';
import { preferences } from './negotiation.js';
import { outcomeResponse } from './render.js';
import type { FhirRequest } from './request.js';
import type { FhirResponse } from './response.js';
import { type VersionFacts, versionHeaders } from './version-headers.js';

/** 201 with Location for a new resource, 200 for a new version. */
export function written(request: FhirRequest, outcome: WriteOutcome, baseUrl: string): FhirResponse {
  return versionAnswer(request, outcome.created ? 201 : 200, outcome, outcome.bytes, baseUrl);
}

export function versionAnswer(
  request: FhirRequest,
  status: 200 | 201,
  version: ResourceKey & VersionFacts,
  bytes: Buffer | undefined,
  baseUrl: string,
): FhirResponse {
  const headers = { ...versionHeaders(version), location: versionUrl(version, baseUrl) };
  const { lastUpdated } = version;
  switch (preferences(request).return) {
    case 'minimal':
      return { status, headers, lastUpdated };
    case 'OperationOutcome':
      return { ...outcomeResponse(status, [done(version.type, status)]), headers, lastUpdated };
    case 'representation':
      return bytes === undefined
        ? { status, headers, lastUpdated }
        : { status, headers, lastUpdated, body: [bytes] };
  }
}

function versionUrl(version: ResourceKey & VersionFacts, baseUrl: string): string {
  return `${baseUrl}/${version.type}/${version.id}/_history/${version.versionId}`;
}

function done(type: string, status: 200 | 201): Issue {
  const text = status === 201 ? `The ${type} was created.` : `The ${type} is stored.`;
  return { severity: 'information', code: 'informational', text };
}
