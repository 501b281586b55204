/**
 * What a request to `$graphql` carries: the document, the name of its operation and the values of its variables.
 * https://hl7.org/fhir/R4/graphql.html#invoking, https://graphql.org/learn/serving-over-http/
 *
 *   GET  ?query=…&operationName=…&variables={…}
 *   POST application/graphql    the document itself; the rest in the URL
 *   POST application/json       {"query": …, "operationName": …, "variables": {…}}
 *   POST application/fhir+json  Parameters with a parameter `query`
 */
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { Refusal } from '../../fhir/outcome.js';
import { contentType, readJson, unsupportedMediaType } from '../content.js';
import { FHIR_JSON, isJsonForm, queryValue } from '../negotiation.js';
import type { FhirRequest } from '../request.js';

export interface Payload {
  readonly query: string;
  readonly operationName?: string;
  readonly variables: JsonObject;
}

const GRAPHQL = 'application/graphql';
const JSON_TYPE = 'application/json';

export function readPayload(request: FhirRequest): Payload {
  if (request.method === 'GET') return fromUrl(request, queryValue(request.query, 'query'));
  const type = contentType(request)?.type ?? JSON_TYPE;
  if (type === GRAPHQL) return fromUrl(request, documentText(request));
  if (!isJsonForm(type)) throw unsupportedMediaType([JSON_TYPE, GRAPHQL, FHIR_JSON]);
  const body = readJson(request);
  if (!isObject(body)) throw malformed('The body has to be an object with a property "query".');
  return body.resourceType === 'Parameters' ? fromParameters(body) : fromMembers(body);
}

function fromUrl(request: FhirRequest, query: string | undefined): Payload {
  const variables = queryValue(request.query, 'variables');
  return payload(
    query,
    queryValue(request.query, 'operationName'),
    variables === undefined || variables === '' ? null : parsedVariables(variables),
  );
}

function fromMembers({ query, operationName, variables }: JsonObject): Payload {
  return payload(query, operationName, variables);
}

function fromParameters({ parameter }: JsonObject): Payload {
  const given = (Array.isArray(parameter) ? parameter : []).find(
    (one) => isObject(one) && one.name === 'query',
  );
  return payload(isObject(given) ? given.valueString : undefined, undefined, undefined);
}

function payload(
  query: JsonValue | undefined,
  operationName: JsonValue | undefined,
  variables: JsonValue | undefined,
): Payload {
  if (typeof query !== 'string' || query.trim() === '') {
    throw malformed('There is no query: send the text of a GraphQL document as "query".');
  }
  const name = operationName ?? '';
  if (typeof name !== 'string') throw malformed('"operationName" has to be a string.');
  const values = variables ?? {};
  if (!isObject(values)) throw malformed('"variables" has to be an object: a value for each name.');
  return { query, variables: values, ...(name === '' ? {} : { operationName: name }) };
}

function parsedVariables(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new Refusal('malformed-json', `The parameter variables is not JSON: ${error.message}`);
  }
}

/** GraphQL documents are UTF-8, as their JSON is. */
function documentText({ body }: FhirRequest): string | undefined {
  try {
    return body === undefined ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw malformed('The body is not UTF-8, in which a GraphQL document has to be encoded.');
  }
}

function malformed(text: string): Refusal {
  return new Refusal('malformed-request', text);
}
