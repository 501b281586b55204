/**
 * Bulk Data $export: the kick-off. All that may be seen, of the whole system, of all patients, or of the members of a Group,
 * is written to files by a job; the answer says where to ask after it.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html
 *
 * Invariant: an export is a search by its asker as of one commit position. It holds nothing that the asker could not have
 * found then, and of patients nothing outside of their compartments but the Provenance of what is in it.
 */
import type { Issue } from '../../fhir/outcome.js';
import { Refusal } from '../../fhir/outcome.js';
import { isInWildcards, typesInScope } from '../../fhir/search/parameters/types.js';
import type { Predicate } from '../../fhir/search/query.js';
import { allOf, EVERYTHING } from '../../fhir/search/tree.js';
import type { Context } from '../context.js';
import { patientsOf } from '../everything/roster.js';
import { asyncProblems, beginJob, requestUrl } from '../jobs/kick-off.js';
import { acceptedRanges, isJsonForm, preferences } from '../negotiation.js';
import { givenParameters, noted, refuse } from '../operation-parameters.js';
import type { Operation } from '../operations.js';
import { permit, searchableTypes } from '../permit.js';
import { parseStored } from '../projected.js';
import { notFound } from '../read.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';
import type { OperationTarget } from '../target.js';
import { type ExportLevel, type ExportSpec, writeSpec } from './export-spec.js';
import { type ExportWishes, readWishes } from './export-wishes.js';
import { memberCriteria } from './group-criteria.js';
import { readTypeFilters } from './type-filters.js';

export const EXPORT_KIND = 'export';
const PROVENANCE = 'Provenance';

const DEFINITIONS = 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition';

const BY_EITHER = { name: 'export', methods: ['GET', 'POST'], run: kickOff } as const;

/** Some clients look for the operations of patients and groups by the name in the URL, others by that of the definition. */
export const EXPORTS: readonly Operation[] = [
  { ...BY_EITHER, definition: `${DEFINITIONS}/export`, levels: ['system'] },
  {
    ...BY_EITHER,
    alias: 'patient-export',
    definition: `${DEFINITIONS}/patient-export`,
    levels: ['type'],
    types: ['Patient'],
  },
  {
    ...BY_EITHER,
    alias: 'group-export',
    definition: `${DEFINITIONS}/group-export`,
    levels: ['instance'],
    types: ['Group'],
  },
];

async function kickOff(
  request: FhirRequest,
  target: OperationTarget,
  context: Context,
): Promise<FhirResponse> {
  const isLenient = preferences(request).handling === 'lenient';
  const given = givenParameters(request, context);
  const issues: Issue[] = isLenient ? [] : headerProblems(request);
  const wishes = noted(issues, () => readWishes(given, target, isLenient, context));
  const filters =
    wishes === undefined
      ? {}
      : await readTypeFilters(wishes.typeFilters, wishes.types, isLenient, issues, context);
  refuse(issues);
  if (wishes === undefined) throw new Refusal('invalid-parameter', issues);
  const types = typesOf(wishes, target, context);
  const { level, notes } = await levelOf(target, wishes, context);
  const { since, until, elements, organizedBy } = wishes;
  const provenance = provenanceOf(wishes, level, types);
  const spec: ExportSpec = {
    level,
    request: requestUrl(request, context),
    baseUrl: context.baseUrl,
    types,
    filters,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(elements.length === 0 ? {} : { elements }),
    ...(provenance === undefined ? {} : { provenance }),
    associated: wishes.associated !== undefined,
    ...(organizedBy === undefined ? {} : { organizedBy }),
    access: context.access.search,
    notes,
  };
  const first = { spec: writeSpec({ step: 'plan' }), total: 0 };
  return beginJob(
    { id: context.newId(), kind: EXPORT_KIND, spec: writeSpec(spec), first },
    'export',
    context,
  );
}

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#headers */
function headerProblems(request: FhirRequest): Issue[] {
  const problems: Issue[] = [...asyncProblems(request, 'export')];
  const add = (text: string): void => {
    problems.push({ severity: 'error', code: 'required', text });
  };
  const accept = request.header('accept');
  if (accept === undefined || accept === '') {
    add('Send the header Accept: application/fhir+json, which is the form of the answer to this request.');
  } else if (!acceptedRanges(accept).some(({ type }) => isJsonForm(type) || type.endsWith('*'))) {
    add('The answer to this request is application/fhir+json: accept it. _outputFormat is for the files.');
  }
  return problems;
}

/** Types that may be seen, of those that were named or that there are at this level; a named one that may not is refused. */
function typesOf({ types }: ExportWishes, target: OperationTarget, context: Context): readonly string[] {
  const { definitions } = context.knowledge;
  if (target.type !== undefined) permit(context, 'Patient', 'search');
  const scope = target.type === undefined ? {} : { compartment: { name: 'Patient', id: '' } };
  const wanted = types ?? typesInScope(scope, definitions).filter(isInWildcards);
  return [...searchableTypes(context, wanted, types ?? [])];
}

/**
 * What is exported of patients has its Provenance with it, whoever that is about besides. Where types are named it comes when
 * it is one of them or asked for by includeAssociatedData.
 */
function provenanceOf(
  { types, associated }: ExportWishes,
  level: ExportLevel,
  exported: readonly string[],
): ExportSpec['provenance'] {
  if (associated !== undefined) return associated;
  const isOfPatients = level.kind !== 'system';
  return isOfPatients && exported.includes(PROVENANCE) && (types ?? [PROVENANCE]).includes(PROVENANCE)
    ? 'all'
    : undefined;
}

async function levelOf(
  { type, id }: OperationTarget,
  { patients }: ExportWishes,
  context: Context,
): Promise<{ readonly level: ExportLevel; readonly notes: readonly Issue[] }> {
  const only = patients.length === 0 ? {} : { patients };
  if (type === undefined) return { level: { kind: 'system' }, notes: [] };
  if (id === undefined) {
    const known = await knownPatients(patients, context);
    return { level: { kind: 'patient', ...only }, notes: strangers(patients, known, 'may be seen here') };
  }
  permit(context, 'Group', 'read');
  const { backend, access, baseUrl } = context;
  const result = await backend.read({ type, id }, access.read);
  if (result.kind !== 'found') throw notFound(result, { type }, baseUrl);
  const group = parseStored(result.resource.bytes);
  const where = await memberCriteria(group, context);
  const listed = Array.isArray(group.member) || where === undefined ? patientsOf(group, baseUrl) : undefined;
  const asked = listed === undefined ? patients : patients.filter((one) => listed.includes(one));
  const members = where === undefined ? new Set(asked) : await knownPatients(asked, context, where);
  const { versionId } = result.resource;
  return {
    level: { kind: 'group', id, versionId, ...(where === undefined ? {} : { members: where }), ...only },
    notes: strangers(patients, members, 'are members of the Group'),
  };
}

async function knownPatients(
  ids: readonly string[],
  { backend, access }: Context,
  where: Predicate = EVERYTHING,
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const among = allOf([{ op: 'id', ids }, where]);
  return new Set(await backend.resolve('Patient', among, access.search, ids.length));
}

/** Without their ids: whether somebody is there may be a secret. */
function strangers(asked: readonly string[], known: ReadonlySet<string>, what: string): readonly Issue[] {
  const unknown = asked.filter((id) => !known.has(id)).length;
  if (unknown === 0) return [];
  const text = `Of the ${asked.length} patients that the parameter patient names, ${unknown} are not among those that ${what}: nothing of them is exported.`;
  return [{ severity: 'warning', code: 'not-found', text }];
}
