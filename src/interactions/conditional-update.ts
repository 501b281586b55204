/**
 * FHIR conditional update: the resource that meets the criteria is replaced, or made.
 * https://hl7.org/fhir/R4/http.html#cond-update
 *
 *   matches   id in the body        what happens
 *   0         absent                create under a new id
 *   0         present               create under that id; 409 where it is taken by what does not match
 *   1         absent or the same    update
 *   1         another               400
 *   several   –                     412
 */
import type { ResourceObject } from '../fhir/format/json.js';
import { Refusal } from '../fhir/outcome.js';
import type { Predicate } from '../fhir/search/query.js';
import { readResource } from './binary.js';
import { ambiguous, requestCondition } from './condition.js';
import type { Context } from './context.js';
import { permit, permitChange } from './permit.js';
import { checkReferences } from './references.js';
import type { FhirRequest } from './request.js';
import { beginResolution, resolved } from './resolution.js';
import type { FhirResponse } from './response.js';
import type { TypeTarget } from './target.js';
import { replacement, updateConflict, updateExpects } from './update.js';
import { checkId, commitOne, type Planned } from './write.js';
import { written } from './written.js';

export async function conditionalUpdate(
  request: FhirRequest,
  { type }: TypeTarget,
  context: Context,
): Promise<FhirResponse> {
  permit(context, type, 'search');
  permit(context, type, 'update', 'create');
  const where = requestCondition(request, type, context);
  const resource = readResource(request, type, undefined, context);
  return written(
    request,
    await commitOne(context, () => plan(request, resource, where, context)),
    context.baseUrl,
  );
}

async function plan(
  request: FhirRequest,
  resource: ResourceObject,
  where: Predicate,
  context: Context,
): Promise<Planned> {
  const type = resource.resourceType;
  const ownId = typeof resource.id === 'string' ? checkId(resource.id) : undefined;
  const resolution = await beginResolution(context);
  const [match, ...others] = await resolution.resolve(type, where);
  if (others.length > 0) throw ambiguous(type);
  await checkReferences(resource, resolution, context);
  if (match === undefined) {
    if (request.header('if-match') !== undefined) throw nothingToMatch(type);
    if (ownId !== undefined) await permitChange({ type, id: ownId }, 'update', context);
    const write = replacement(resource, ownId ?? context.newId(), { kind: 'absent' }, context);
    return { ...resolved(resolution), writes: [write], conflict: () => idTaken(type) };
  }
  if (ownId !== undefined && ownId !== match) throw anotherId(type);
  const expected = await updateExpects(request, { type, id: match }, context);
  return {
    ...resolved(resolution),
    writes: [replacement(resource, match, expected, context)],
    conflict: (_write, current) => updateConflict(expected, current),
  };
}

export function nothingToMatch(type: string): Refusal {
  return new Refusal('precondition-failed', `If-Match names a version, but no ${type} meets the criteria.`);
}

export function idTaken(type: string): Refusal {
  return new Refusal(
    'version-conflict',
    `No ${type} meets the criteria, yet the id in the body is taken: update that one by its id, or leave the id out.`,
  );
}

export function anotherId(type: string): Refusal {
  const text = `The id in the body is not that of the ${type} that meets the criteria: leave it out or mend it.`;
  return new Refusal('id-mismatch', [{ severity: 'error', code: 'value', text, expression: [`${type}.id`] }]);
}
