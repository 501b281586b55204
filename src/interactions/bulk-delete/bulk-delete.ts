/**
 * $bulk-delete: what a search finds as of the kick-off is deleted by a job, however much it is; the answer says where to ask
 * after it.
 * https://hl7.org/fhir/R4/async.html
 *
 * Invariant: nothing is deleted but what its asker could find and delete, and what has not changed since; everything is
 * deleted only where that is said in so many words.
 */
import { type Issue, Refusal } from '../../fhir/outcome.js';
import { isInWildcards } from '../../fhir/search/parameters/types.js';
import { parseCondition } from '../../fhir/search/parse-search.js';
import type { Predicate } from '../../fhir/search/query.js';
import { EVERYTHING } from '../../fhir/search/tree.js';
import { holds } from '../../ports/access-filter.js';
import type { Context } from '../context.js';
import { askerOf } from '../jobs/asker.js';
import { asyncProblems, beginJob, requestUrl } from '../jobs/kick-off.js';
import { FORM_PARAMETERS } from '../negotiation.js';
import { BOOLEAN, noted, RESOURCE_TYPES, readParameters, refuse } from '../operation-parameters.js';
import type { Operation } from '../operations.js';
import { permit } from '../permit.js';
import type { FhirRequest, QueryPair } from '../request.js';
import { predicateResolver } from '../resolve-query.js';
import type { FhirResponse } from '../response.js';
import type { OperationTarget } from '../target.js';
import { type DeleteSpec, writeDelete } from './delete-spec.js';

export const DELETE_KIND = 'bulk-delete';

export const BULK_DELETE: Operation = {
  name: 'bulk-delete',
  definition: 'OperationDefinition/bulk-delete',
  levels: ['system', 'type'],
  methods: ['POST'],
  run: kickOff,
};

/** All other parameters are criteria. */
const OWN = { _all: BOOLEAN, _dryRun: BOOLEAN };
const AT_SYSTEM = { ...OWN, _type: RESOURCE_TYPES };

async function kickOff(
  request: FhirRequest,
  target: OperationTarget,
  context: Context,
): Promise<FhirResponse> {
  refuse(asyncProblems(request, 'delete'));
  if ((request.body?.length ?? 0) > 0 || request.resource !== undefined) {
    throw new Refusal(
      'malformed-request',
      '$bulk-delete takes no body: what is to be deleted is named by search parameters in the URL.',
    );
  }
  const wishes = readWishes(request, target, context);
  const spec: DeleteSpec = {
    asker: askerOf(context),
    request: requestUrl(request, context),
    criteria: await criteriaOf(wishes, context),
    dryRun: wishes.dryRun,
  };
  const first = { spec: writeDelete({ step: 'plan' }), total: 0 };
  return beginJob(
    { id: context.newId(), kind: DELETE_KIND, spec: writeDelete(spec), first },
    'delete',
    context,
  );
}

interface Wishes {
  readonly types: readonly string[];
  readonly criteria: readonly QueryPair[];
  readonly dryRun: boolean;
}

function readWishes({ query }: FhirRequest, { type }: OperationTarget, context: Context): Wishes {
  const table = type === undefined ? AT_SYSTEM : OWN;
  const isOwn = ([name]: QueryPair): boolean => Object.hasOwn(AT_SYSTEM, name);
  const given = query.filter(isOwn).map(([name, value]) => ({ name, value }));
  const criteria = query.filter((pair) => !isOwn(pair) && !FORM_PARAMETERS.has(pair[0]));
  const values: { readonly [name: string]: readonly unknown[] } = readParameters(
    'bulk-delete',
    table,
    given,
    context,
  );
  const isAll = values._all?.[0] === true;
  if (criteria.length === 0 && !isAll) throw withoutCriteria();
  if (criteria.length > 0 && isAll) {
    throw new Refusal('invalid-parameter', 'The parameter _all and search criteria do not go together.');
  }
  const named = type === undefined ? [...new Set((values._type as readonly string[][]).flat())] : [type];
  return { types: typesOf(named, context), criteria, dryRun: values._dryRun?.[0] === true };
}

/** Types that were named must be granted; of all others, those that are. */
function typesOf(named: readonly string[], context: Context): readonly string[] {
  for (const type of named) {
    permit(context, type, 'search');
    permit(context, type, 'delete');
    if (type === 'AuditEvent' && context.auditing !== undefined) throw auditEventsStay();
  }
  if (named.length > 0) return named;
  const { search, delete: deleting } = context.access;
  const types = [...context.knowledge.definitions.resourceTypes.keys()].filter(isInWildcards);
  const granted = types.filter((type) => holds(search, type) && holds(deleting, type));
  if (granted.length === 0) {
    permit(context, '*', 'search');
    permit(context, '*', 'delete');
  }
  return granted;
}

async function criteriaOf({ types, criteria }: Wishes, context: Context): Promise<DeleteSpec['criteria']> {
  const { knowledge, baseUrl, clock } = context;
  const issues: Issue[] = [];
  const parsed = new Map<string, Predicate>();
  for (const type of types) {
    const where =
      criteria.length === 0
        ? EVERYTHING
        : noted(issues, () =>
            parseCondition(knowledge.definitions, type, criteria, { baseUrl, now: clock.now() }),
          );
    // What one type does not know is told once.
    if (where === undefined) throw new Refusal('invalid-parameter', issues);
    parsed.set(type, where);
  }
  const resolver = predicateResolver(context);
  const resolved: { type: string; where: Predicate }[] = [];
  for (const [type, where] of parsed) resolved.push({ type, where: await resolver(type, where) });
  return resolved;
}

function withoutCriteria(): Refusal {
  return new Refusal(
    'invalid-parameter',
    '$bulk-delete needs search criteria, such as _lastUpdated=lt2020: to delete everything, say so with _all=true.',
  );
}

function auditEventsStay(): Refusal {
  return new Refusal('forbidden', 'AuditEvents tell of all that is done here: they cannot be deleted.');
}
