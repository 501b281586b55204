/**
 * FHIR update, also as create under an id of the client's choice.
 * https://hl7.org/fhir/R4/http.html#update, https://hl7.org/fhir/R4/http.html#upsert
 *
 * Invariant: the body carries the id of the URL; with If-Match only that version is replaced, with
 * `If-None-Match: *` nothing is.
 */
import type { ResourceObject } from '../fhir/format/json.js';
import { Refusal } from '../fhir/outcome.js';
import type { ExpectedVersion, Write } from '../ports/backend.js';
import { readResource } from './binary.js';
import type { Context } from './context.js';
import { permit, permitChange } from './permit.js';
import { checkReferences } from './references.js';
import type { FhirRequest } from './request.js';
import { beginResolution, resolved, UNCONDITIONAL } from './resolution.js';
import type { FhirResponse } from './response.js';
import type { InstanceTarget } from './target.js';
import { expectedVersion, notTheVersion } from './version-headers.js';
import { checkId, commitOne, type Planned, prepare } from './write.js';
import { written } from './written.js';

export async function update(
  request: FhirRequest,
  { type, id }: InstanceTarget,
  context: Context,
): Promise<FhirResponse> {
  checkId(id);
  permit(context, type, 'update', 'create');
  const resource = readResource(request, type, id, context);
  if (resource.id !== id) throw idMismatch(type, resource.id === undefined);
  const plan = async (): Promise<Planned> => {
    const expected = await updateExpects(request, { type, id }, context);
    const rest = context.settings.checkReferences
      ? await resolveReferences(resource, context)
      : UNCONDITIONAL;
    const conflict = (_write: number, current: string | undefined) => updateConflict(expected, current);
    return { ...rest, writes: [replacement(resource, id, expected, context)], conflict };
  };
  return written(request, await commitOne(context, plan), context.baseUrl);
}

async function resolveReferences(
  resource: ResourceObject,
  context: Context,
): Promise<Pick<Planned, 'conditions' | 'resolvedAt'>> {
  const resolution = await beginResolution(context);
  await checkReferences(resource, resolution, context);
  return resolved(resolution);
}

export function idMismatch(type: string, absent: boolean): Refusal {
  const text = absent
    ? `An update's body has to carry the id of its URL: add "id" to the ${type}, or create it with POST.`
    : `The id in the body is not the id in the URL: a ${type} cannot change its id.`;
  return new Refusal('id-mismatch', [{ severity: 'error', code: 'value', text, expression: [`${type}.id`] }]);
}

/** What If-Match or `If-None-Match: *` make a write to a known id depend on; refuses who may not write there. */
export async function updateExpects(
  request: FhirRequest,
  target: InstanceTarget,
  context: Context,
): Promise<ExpectedVersion> {
  await permitChange(target, 'update', context);
  if (request.header('if-none-match')?.trim() === '*') return { kind: 'absent' };
  return expectedVersion(request, target, context.backend, context.access.update);
}

/** 412 where the client asked for it; undefined where it did not. */
export function updateConflict(expected: ExpectedVersion, current: string | undefined): Refusal | undefined {
  switch (expected.kind) {
    case 'version':
      return notTheVersion(current);
    case 'absent':
      return new Refusal(
        'precondition-failed',
        'If-None-Match: * asks for a new resource, but one is there already under this id.',
      );
    case 'any':
      return undefined;
  }
}

export function replacement(
  resource: ResourceObject,
  id: string,
  expected: ExpectedVersion,
  context: Context,
): Write {
  const type = resource.resourceType;
  return { kind: 'put', type, id, resource: prepare(resource, id, context), expected, method: 'PUT' };
}
