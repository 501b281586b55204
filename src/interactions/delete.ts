/**
 * FHIR delete, of one resource and of those that meet criteria.
 * https://hl7.org/fhir/R4/http.html#delete, https://hl7.org/fhir/R4/http.html#3.1.0.7.1
 *
 * Invariant: a delete of what is not there changes nothing and is no error; of criteria that several meet, all are
 * deleted in one commit or none.
 */
import { type Issue, Refusal } from '../fhir/outcome.js';
import type { Predicate } from '../fhir/search/query.js';
import type { Write, WriteOutcome } from '../ports/backend.js';
import { requestCondition } from './condition.js';
import type { Context } from './context.js';
import { preferences } from './negotiation.js';
import { permit, permitChange } from './permit.js';
import { outcomeResponse } from './render.js';
import type { FhirRequest } from './request.js';
import { beginResolution, resolved, UNCONDITIONAL } from './resolution.js';
import type { FhirResponse } from './response.js';
import type { InstanceTarget, TypeTarget } from './target.js';
import { expectedVersion, notTheVersion, versionHeaders } from './version-headers.js';
import { commitPlanned, type Planned } from './write.js';

export async function deleteInstance(
  request: FhirRequest,
  { type, id }: InstanceTarget,
  context: Context,
): Promise<FhirResponse> {
  permit(context, type, 'delete');
  const { outcomes } = await commitPlanned(context, async (): Promise<Planned> => {
    await permitChange({ type, id }, 'delete', context);
    const expected = await expectedVersion(request, { type, id }, context.backend, context.access.delete);
    return {
      ...UNCONDITIONAL,
      writes: [{ kind: 'delete', type, id, expected }],
      conflict: (_write, current) => notTheVersion(current),
    };
  });
  return deleted(request, outcomes);
}

export async function conditionalDelete(
  request: FhirRequest,
  { type }: TypeTarget,
  context: Context,
): Promise<FhirResponse> {
  permit(context, type, 'search');
  permit(context, type, 'delete');
  const where = requestCondition(request, type, context);
  const { outcomes } = await commitPlanned(context, () => plan(request, type, where, context));
  return deleted(request, outcomes);
}

async function plan(
  request: FhirRequest,
  type: string,
  where: Predicate,
  context: Context,
): Promise<Planned> {
  const limit = Math.max(1, context.settings.conditionalDeleteLimit);
  const resolution = await beginResolution(context);
  const evaluable = await resolution.evaluable(type, where);
  const ids = await context.backend.resolve(type, evaluable, context.access.search, limit + 1);
  if (ids.length > limit) throw tooMany(type, limit);
  // Each by itself, so that one that ceases to match in between is not deleted with the others.
  for (const id of ids)
    await resolution.resolve(type, { op: 'and', of: [evaluable, { op: 'id', ids: [id] }] });
  const expected = async (id: string) => {
    await permitChange({ type, id }, 'delete', context);
    return expectedVersion(request, { type, id }, context.backend, context.access.delete);
  };
  const writes: Write[] = [];
  for (const id of ids) writes.push({ kind: 'delete', type, id, expected: await expected(id) });
  return { ...resolved(resolution), writes, conflict: (_write, current) => notTheVersion(current) };
}

export function tooMany(type: string, limit: number): Refusal {
  const allowed = limit === 1 ? 'one' : `${limit}`;
  return new Refusal(
    'condition-ambiguous',
    `The criteria match more ${type} resources than may be deleted at once (${allowed}): send narrower ones.`,
  );
}

export function deleted(request: FhirRequest, outcomes: readonly WriteOutcome[]): FhirResponse {
  const [only, ...others] = outcomes.filter((outcome) => !outcome.unchanged);
  const headers = only === undefined || others.length > 0 ? {} : versionHeaders(only);
  if (preferences(request).return !== 'OperationOutcome') return { status: 204, headers };
  return {
    ...outcomeResponse(200, [said(outcomes.filter((outcome) => !outcome.unchanged).length)]),
    headers,
  };
}

function said(count: number): Issue {
  const text = count === 0 ? 'Nothing was there to delete.' : `Deleted: ${count}.`;
  return { severity: 'information', code: 'informational', text };
}
