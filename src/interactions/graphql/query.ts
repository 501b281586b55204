/**
 * A call of `$graphql`: a GraphQL query on the system, on a type (which is the system with that type alone), or on one
 * resource.
 * https://hl7.org/fhir/R4/graphql.html, https://hl7.org/fhir/R4/resource-operation-graphql.html
 *
 *   payload ▶ document ▶ plan ▶ execution
 *
 * Invariant: what is wrong with the query itself is refused before anything is read; after that the answer is 200, with the
 * errors of single fields beside the data.
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { serialise, serialisePretty } from '../../fhir/format/serialise.js';
import type { StoredResource } from '../../ports/backend.js';
import type { Context } from '../context.js';
import { queryValue } from '../negotiation.js';
import { permit } from '../permit.js';
import { notFound } from '../read.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';
import type { OperationTarget } from '../target.js';
import { compile } from './compile.js';
import { readDocument } from './document.js';
import { execute } from './execute.js';
import type { Focus } from './fields.js';
import { readPayload } from './payload.js';
import { Problems } from './problems.js';
import { readVariables } from './values.js';

export async function graphql(
  request: FhirRequest,
  { type, id }: OperationTarget,
  context: Context,
): Promise<FhirResponse> {
  const { query, operationName, variables: given } = readPayload(request);
  const { definition, fragments } = readDocument(query, operationName);
  const { definitions } = context.knowledge;
  const problems = new Problems();
  const variables = readVariables(definition, given, problems);
  problems.throwIfAny();
  const focus = focusOf(type, id);
  const source = { definitions, fragments, variables };
  const plan = compile(focus, definition.selectionSet, source, context, problems);
  const root = type === undefined || id === undefined ? undefined : await found({ type, id }, context);
  const { data, errors } = await execute(plan, root, context);
  return answer(errors.length === 0 ? { data } : { data, errors }, request);
}

function focusOf(type: string | undefined, id: string | undefined): Focus {
  if (type === undefined) return { kind: 'system' };
  return id === undefined ? { kind: 'system', only: type } : { kind: 'resource', type };
}

async function found(
  key: { readonly type: string; readonly id: string },
  context: Context,
): Promise<StoredResource> {
  permit(context, key.type, 'read');
  const result = await context.backend.read(key, context.access.read);
  if (result.kind !== 'found') throw notFound(result, key, context.baseUrl);
  return result.resource;
}

function answer(result: JsonObject, { query }: FhirRequest): FhirResponse {
  const write = queryValue(query, '_pretty') === 'true' ? serialisePretty : serialise;
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  return { status: 200, headers, body: [Buffer.from(write(result))] };
}
