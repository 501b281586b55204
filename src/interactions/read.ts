/**
 * FHIR read and vread: the current version of one resource, and one version of it.
 * https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread
 *
 * Invariant: never existed is 404, deleted is 410; stored bytes are sent as they are.
 */
import { Refusal } from '../fhir/outcome.js';
import type { DeletedResource, MaybePromise, ReadResult, StoredResource } from '../ports/backend.js';
import { binaryResponse } from './binary.js';
import type { Context } from './context.js';
import { notAcceptable, requestAcceptsJson } from './negotiation.js';
import { permit } from './permit.js';
import { projectBytes, requestedProjection } from './projected.js';
import type { FhirRequest } from './request.js';
import type { FhirResponse } from './response.js';
import type { InstanceTarget, VersionTarget } from './target.js';
import { isUnmodified, versionHeaders } from './version-headers.js';

export function read(
  request: FhirRequest,
  target: InstanceTarget,
  context: Context,
): MaybePromise<FhirResponse> {
  permit(context, target.type, 'read');
  const result = context.backend.read(target, context.access.read);
  return answered(result, request, target, context);
}

export function vread(
  request: FhirRequest,
  target: VersionTarget,
  context: Context,
): MaybePromise<FhirResponse> {
  permit(context, target.type, 'read');
  const result = context.backend.vread(target, target.versionId, context.access.read);
  return answered(result, request, target, context);
}

function answered(
  result: MaybePromise<ReadResult>,
  request: FhirRequest,
  target: InstanceTarget,
  context: Context,
): MaybePromise<FhirResponse> {
  return result instanceof Promise
    ? result.then((found) => answer(found, request, target, context))
    : answer(result, request, target, context);
}

function answer(
  result: ReadResult,
  request: FhirRequest,
  target: InstanceTarget,
  context: Context,
): FhirResponse {
  if (result.kind !== 'found') throw notFound(result, target, context.baseUrl);
  return (
    (target.type === 'Binary' ? binaryResponse(request, result.resource) : undefined) ??
    resourceResponse(result.resource, request, context)
  );
}

function resourceResponse(resource: StoredResource, request: FhirRequest, context: Context): FhirResponse {
  if (resource.type === 'Binary' && !requestAcceptsJson(request)) throw notAcceptable();
  const headers = versionHeaders(resource);
  if (isUnmodified(request, resource)) return { status: 304, headers };
  const projection = requestedProjection(request.query);
  const { lastUpdated } = resource;
  if (projection === undefined) return { status: 200, headers, lastUpdated, body: [resource.bytes] };
  return {
    status: 200,
    headers,
    lastUpdated,
    body: [projectBytes(resource.bytes, projection, context.knowledge.definitions)],
  };
}

/** 404 or 410 for what a read did not find. */
export function notFound(
  result: Exclude<ReadResult, { kind: 'found' }>,
  target: { readonly type: string; readonly versionId?: string },
  baseUrl: string,
): Refusal {
  if (result.kind === 'deleted') return gone(result.deleted, baseUrl);
  return target.versionId === undefined
    ? new Refusal('not-found', `There is no ${target.type} with this id.`)
    : new Refusal('not-found', `There is no such version of a ${target.type} with this id.`);
}

function gone(deleted: DeletedResource, baseUrl: string): Refusal {
  const { type, id, versionId } = deleted;
  return new Refusal(
    'deleted',
    `This ${type} was deleted. Its earlier versions are in its history; an update brings it back.`,
    { ...versionHeaders(deleted), location: `${baseUrl}/${type}/${id}/_history/${versionId}` },
  );
}
