/**
 * $purge of a patient: the Patient and everything of its compartment, with all versions, is taken away for good by a job.
 * https://hl7.org/fhir/R5/operation-patient-purge.html, https://hl7.org/fhir/R4/async.html
 *
 * Invariant: a purge takes all or is refused before it begins. Who may not see and delete all of every type that a patient's
 * record may hold is told which types those are, and nothing of what is there.
 */
import { Refusal } from '../../fhir/outcome.js';
import { isInWildcards, typesInScope } from '../../fhir/search/parameters/types.js';
import { hidesNothing, type Permission } from '../../ports/access-filter.js';
import type { Context } from '../context.js';
import { askerOf } from '../jobs/asker.js';
import { asyncProblems, beginJob, requestUrl } from '../jobs/kick-off.js';
import { FORM_PARAMETERS } from '../negotiation.js';
import { BOOLEAN, readParameters, refuse } from '../operation-parameters.js';
import type { Operation } from '../operations.js';
import { notFound } from '../read.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';
import type { OperationTarget } from '../target.js';
import { type PurgeSpec, writePurge } from './purge-spec.js';

export const PURGE_KIND = 'purge';

export const PURGE: Operation = {
  name: 'purge',
  definition: 'OperationDefinition/Patient-purge',
  levels: ['instance'],
  types: ['Patient'],
  methods: ['POST'],
  run: kickOff,
};

/** To find all of it, and to take it away. */
const NEEDED: readonly Permission[] = ['search', 'delete'];
/** Types that a refusal names. */
const NAMED = 10;

async function kickOff(
  request: FhirRequest,
  { id = '' }: OperationTarget,
  context: Context,
): Promise<FhirResponse> {
  refuse(asyncProblems(request, 'purge'));
  if ((request.body?.length ?? 0) > 0 || request.resource !== undefined) {
    throw new Refusal('malformed-request', '$purge takes no body: the URL names the patient.');
  }
  const given = request.query.filter(([name]) => !FORM_PARAMETERS.has(name));
  const asked = given.map(([name, value]) => ({ name, value }));
  const { _dryRun } = readParameters('purge', { _dryRun: BOOLEAN }, asked, context);
  const types = purgedTypes(context);
  permitAll(types, context);
  await checkThere(id, context);
  const spec: PurgeSpec = {
    asker: askerOf(context),
    request: requestUrl(request, context),
    patient: id,
    types,
    dryRun: _dryRun[0] === true,
  };
  const first = { spec: '', total: types.length };
  return beginJob({ id: context.newId(), kind: PURGE_KIND, spec: writePurge(spec), first }, 'purge', context);
}

/** AuditEvents are not among them: they tell of what was done. */
function purgedTypes({ knowledge }: Context): readonly string[] {
  const compartment = { name: 'Patient', id: '' };
  return typesInScope({ compartment }, knowledge.definitions).filter(isInWildcards);
}

/** Whether anything of a type is there makes no difference: that would tell of what may not be seen. */
function permitAll(types: readonly string[], { access }: Context): void {
  const missing = NEEDED.flatMap((permission) => {
    const withheld = types.filter((type) => !hidesNothing(access[permission], type));
    if (withheld.length === 0) return [];
    const more = withheld.length > NAMED ? ` and ${withheld.length - NAMED} other types` : '';
    return [`${permission} on ${withheld.slice(0, NAMED).join(', ')}${more}`];
  });
  if (missing.length === 0) return;
  throw new Refusal(
    'forbidden',
    `To purge a patient takes delete and search on every type of the patient compartment, with nothing withheld. You lack ${missing.join('; ')}.`,
  );
}

/** Deleted patients have a history to be purged. */
async function checkThere(id: string, { backend, access, baseUrl }: Context): Promise<void> {
  const { entries } = await backend.history({ type: 'Patient', id, access: access.search, count: 1 });
  if (entries.length === 0) throw notFound({ kind: 'absent' }, { type: 'Patient' }, baseUrl);
}
