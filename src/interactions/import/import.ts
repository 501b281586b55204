/**
 * $import: resources from NDJSON, fetched from URLs or sent with the request, are stored by a job; the answer says where to
 * ask after it. What goes in is named by a Parameters resource, in the manner of the drafts of a bulk import.
 * https://build.fhir.org/ig/HL7/bulk-data/, https://hl7.org/fhir/R4/async.html
 *
 * Invariant: an import writes what its asker could have written by requests, and nothing else; a body is durable before the
 * answer.
 */
import { Refusal } from '../../fhir/outcome.js';
import { holds } from '../../ports/access-filter.js';
import { contentType, unsupportedMediaType } from '../content.js';
import type { Context } from '../context.js';
import { askerOf } from '../jobs/asker.js';
import { asyncProblems, beginJob, requestUrl } from '../jobs/kick-off.js';
import { FHIR_JSON, isJsonForm } from '../negotiation.js';
import { refuse } from '../operation-parameters.js';
import type { Operation } from '../operations.js';
import { permit } from '../permit.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';
import type { OperationTarget } from '../target.js';
import { type ImportInput, type ImportSpec, writeImport } from './import-spec.js';
import { type ImportWishes, readBodyWishes, readImportWishes } from './import-wishes.js';

export const IMPORT_KIND = 'import';

export const IMPORT: Operation = {
  name: 'import',
  definition: 'OperationDefinition/import',
  levels: ['system'],
  methods: ['POST'],
  run: kickOff,
};

const NDJSON: ReadonlySet<string> = new Set([
  'application/fhir+ndjson',
  'application/ndjson',
  'application/x-ndjson',
]);
const BODY_FILE = 'input.ndjson';

async function kickOff(
  request: FhirRequest,
  _target: OperationTarget,
  context: Context,
): Promise<FhirResponse> {
  refuse(asyncProblems(request, 'import'));
  const media = contentType(request);
  if (media !== undefined && NDJSON.has(media.type)) return importBody(request, context);
  if (media !== undefined && !isJsonForm(media.type)) {
    throw unsupportedMediaType([`${FHIR_JSON} (a Parameters resource)`, 'application/fhir+ndjson']);
  }
  const wishes = readImportWishes(request, context);
  for (const { type } of wishes.inputs) permitWrites(type, context);
  permitMatching(wishes, context);
  return begin(context.newId(), wishes, request, context);
}

/** Its types are known when its lines are. */
async function importBody(request: FhirRequest, context: Context): Promise<FhirResponse> {
  const { body } = request;
  const wishes = readBodyWishes(request, context);
  permitMatching(wishes, context);
  if (body === undefined || body.length === 0) {
    throw new Refusal('malformed-request', 'The body is empty: send resources as NDJSON, one in a line.');
  }
  const types = [...context.knowledge.definitions.resourceTypes.keys()];
  if (!types.some((type) => mayWrite(type, context))) permitWrites('*', context);
  const { blobs } = context.jobs;
  const id = context.newId();
  const writer = await blobs.create(`jobs/${id}/${BODY_FILE}`);
  await writer.write(body);
  const { size } = await writer.close();
  try {
    const inputs = [{ kind: 'body', name: BODY_FILE, size }] as const;
    return await begin(id, { ...wishes, inputs }, request, context);
  } catch (error) {
    await blobs.removeFolder(`jobs/${id}`);
    throw error;
  }
}

function begin(
  id: string,
  wishes: Omit<ImportWishes, 'inputs'> & { readonly inputs: readonly ImportInput[] },
  request: FhirRequest,
  context: Context,
): Promise<FhirResponse> {
  const spec: ImportSpec = { asker: askerOf(context), request: requestUrl(request, context), ...wishes };
  const first = { spec: writeImport({ step: 'plan' }), total: 0 };
  return beginJob({ id, kind: IMPORT_KIND, spec: writeImport(spec), first }, 'import', context);
}

function mayWrite(type: string, { access }: Context): boolean {
  return holds(access.create, type) && holds(access.update, type);
}

/** Where a line goes tells what is there. */
function permitMatching({ match }: Pick<ImportWishes, 'match'>, context: Context): void {
  for (const { type } of match) permit(context, type, 'search');
}

/** Whether a line creates or updates is known when it is stored. */
function permitWrites(type: string, context: Context): void {
  permit(context, type, 'create');
  permit(context, type, 'update');
}
