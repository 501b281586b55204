/**
 * FHIR create, also conditional by If-None-Exist.
 * https://hl7.org/fhir/R4/http.html#create, https://hl7.org/fhir/R4/http.html#ccreate
 *
 * Invariant: the server gives the id, whatever the body says; of simultaneous conditional creates one makes a resource
 * and the others find it.
 */
import type { ResourceObject } from '../fhir/format/json.js';
import { Refusal } from '../fhir/outcome.js';
import type { Predicate } from '../fhir/search/query.js';
import type { Write } from '../ports/backend.js';
import { readResource } from './binary.js';
import { ambiguous, headerCondition } from './condition.js';
import type { Context } from './context.js';
import { permit } from './permit.js';
import { notFound } from './read.js';
import { checkReferences } from './references.js';
import type { FhirRequest } from './request.js';
import { beginResolution, resolved, UNCONDITIONAL } from './resolution.js';
import type { FhirResponse } from './response.js';
import type { TypeTarget } from './target.js';
import { commitPlanned, type Planned, prepare } from './write.js';
import { versionAnswer, written } from './written.js';

export async function create(
  request: FhirRequest,
  { type }: TypeTarget,
  context: Context,
): Promise<FhirResponse> {
  permit(context, type, 'create');
  const ifNoneExist = request.header('if-none-exist');
  if (ifNoneExist !== undefined) permit(context, type, 'search');
  const where = ifNoneExist === undefined ? undefined : headerCondition(ifNoneExist, type, context);
  const resource = readResource(request, type, undefined, context);
  const { planned, outcomes } = await commitPlanned(context, () => plan(resource, where, context));
  const [outcome] = outcomes;
  if (outcome !== undefined) return written(request, outcome, context.baseUrl);
  return existing(request, type, planned.existing, context);
}

interface CreatePlan extends Planned {
  /** The id that If-None-Exist found: nothing is written then. */
  readonly existing: string;
}

async function plan(
  resource: ResourceObject,
  where: Predicate | undefined,
  context: Context,
): Promise<CreatePlan> {
  const id = context.newId();
  if (where === undefined && !context.settings.checkReferences) {
    return { ...UNCONDITIONAL, writes: [creation(resource, id, context)], existing: id };
  }
  const resolution = await beginResolution(context);
  const found = where === undefined ? [] : await resolution.resolve(resource.resourceType, where);
  if (found.length > 1) throw ambiguous(resource.resourceType);
  if (found[0] !== undefined) return { ...resolved(resolution), writes: [], existing: found[0] };
  await checkReferences(resource, resolution, context);
  return { ...resolved(resolution), writes: [creation(resource, id, context)], existing: id };
}

export function creation(resource: ResourceObject, id: string, context: Context): Write {
  return {
    kind: 'put',
    type: resource.resourceType,
    id,
    resource: prepare(resource, id, context),
    expected: { kind: 'absent' },
    method: 'POST',
  };
}

export async function existing(
  request: FhirRequest,
  type: string,
  id: string,
  context: Context,
): Promise<FhirResponse> {
  const result = await context.backend.read({ type, id }, context.access.search);
  if (result.kind === 'found') {
    return versionAnswer(request, 200, result.resource, result.resource.bytes, context.baseUrl);
  }
  if (result.kind === 'absent') throw notFound(result, { type }, context.baseUrl);
  throw new Refusal('version-conflict', `The ${type} that matched was deleted meanwhile: send it again.`);
}
