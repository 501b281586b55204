/**
 * FHIR patch by JSON Patch and FHIRPath Patch, of one resource or of the one that meets criteria.
 * https://hl7.org/fhir/R4/http.html#patch
 *
 * Invariant: what is stored is the patch applied to the version that it replaces, and valid; where another write comes
 * in between, the patch is applied anew to what that left — unless If-Match forbids it.
 */
import { isObject, type JsonValue, type ResourceObject } from '../fhir/format/json.js';
import { Refusal } from '../fhir/outcome.js';
import { applyFhirPathPatch } from '../fhir/patch/fhirpath-patch.js';
import { applyJsonPatch } from '../fhir/patch/json-patch.js';
import type { ReadResult, StoredResource } from '../ports/backend.js';
import { ambiguous, requestCondition } from './condition.js';
import { contentType, readJson, unsupportedMediaType } from './content.js';
import type { Context } from './context.js';
import { FHIR_JSON, isJsonForm } from './negotiation.js';
import { permit, permitChange } from './permit.js';
import { parseStored } from './projected.js';
import { notFound } from './read.js';
import { checkReferences } from './references.js';
import type { FhirRequest } from './request.js';
import { beginResolution, type Resolution, resolved } from './resolution.js';
import type { FhirResponse } from './response.js';
import type { InstanceTarget, TypeTarget } from './target.js';
import { expectedVersion, notTheVersion } from './version-headers.js';
import { commitOne, type Planned, prepare } from './write.js';
import { written } from './written.js';

const JSON_PATCH = 'application/json-patch+json';

export type Patch = (resource: ResourceObject) => ResourceObject | Promise<ResourceObject>;

export async function patch(
  request: FhirRequest,
  target: InstanceTarget,
  context: Context,
): Promise<FhirResponse> {
  const apply = readPatch(request, context);
  return patched(request, context, (resolution) => planPatch(request, target, apply, resolution, context));
}

export async function conditionalPatch(
  request: FhirRequest,
  { type }: TypeTarget,
  context: Context,
): Promise<FhirResponse> {
  permit(context, type, 'search');
  const where = requestCondition(request, type, context);
  const apply = readPatch(request, context);
  return patched(request, context, async (resolution) => {
    const [id, ...others] = await resolution.resolve(type, where);
    if (others.length > 0) throw ambiguous(type);
    if (id === undefined) throw new Refusal('not-found', `No ${type} meets the criteria.`);
    return planPatch(request, { type, id }, apply, resolution, context);
  });
}

async function patched(
  request: FhirRequest,
  context: Context,
  planWith: (resolution: Resolution) => Promise<Planned>,
): Promise<FhirResponse> {
  return written(
    request,
    await commitOne(context, async () => planWith(await beginResolution(context))),
    context.baseUrl,
  );
}

/** The patch in the body, as a function of the resource. */
export function readPatch(request: FhirRequest, context: Context): Patch {
  const type = contentType(request)?.type;
  if (type === JSON_PATCH) {
    const operations = readJson(request);
    return (resource) => applyJsonPatch(resource, operations);
  }
  if (type !== undefined && !isJsonForm(type)) throw unsupportedMediaType([JSON_PATCH, FHIR_JSON]);
  return fhirPathPatch(readJson(request), context);
}

function fhirPathPatch(parameters: JsonValue, context: Context): Patch {
  if (!isObject(parameters) || parameters.resourceType !== 'Parameters') {
    throw new Refusal(
      'patch-invalid',
      `A patch is a list of operations as ${JSON_PATCH}, or a Parameters resource as ${FHIR_JSON}.`,
    );
  }
  return (resource) => applyFhirPathPatch(resource, parameters, context.knowledge.definitions);
}

/** `written`: `Type/id` of what the same commit writes. */
export async function planPatch(
  request: FhirRequest,
  target: InstanceTarget,
  apply: Patch,
  resolution: Resolution,
  context: Context,
  written?: ReadonlySet<string>,
): Promise<Planned> {
  // A patch tells of what it is applied to, by its answer and by whether it can be.
  permit(context, target.type, 'update');
  permit(context, target.type, 'read');
  await permitChange(target, 'update', context);
  const before = found(await context.backend.read(target, context.access.read), target, context);
  const match = await expectedVersion(request, target, context.backend, context.access.read);
  if (match.kind === 'version' && match.versionId !== before.versionId) throw notTheVersion(before.versionId);
  const after = checkPatched(await apply(parseStored(before.bytes)), target, context);
  await checkReferences(after, resolution, context, written);
  return {
    ...resolved(resolution),
    writes: [
      {
        kind: 'put',
        type: target.type,
        id: target.id,
        resource: prepare(after, target.id, context),
        expected: { kind: 'version', versionId: before.versionId },
        method: 'PATCH',
      },
    ],
    conflict: (_write, current) => (match.kind === 'version' ? notTheVersion(current) : undefined),
  };
}

function found(result: ReadResult, target: InstanceTarget, context: Context): StoredResource {
  if (result.kind !== 'found') throw notFound(result, target, context.baseUrl);
  return result.resource;
}

/** A patch that leaves an invalid resource behind is understood but cannot be carried out: 422. */
function checkPatched(resource: ResourceObject, target: InstanceTarget, context: Context): ResourceObject {
  if (resource.resourceType !== target.type || resource.id !== target.id) {
    throw new Refusal(
      'patch-invalid',
      'A patch cannot change resourceType or id: delete and create instead.',
    );
  }
  const issues = context.knowledge.validate(resource);
  if (issues.some((issue) => issue.severity === 'error' || issue.severity === 'fatal')) {
    throw new Refusal('unprocessable', issues);
  }
  return resource;
}
