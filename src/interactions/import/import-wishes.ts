/**
 * What the kick-off of an import asks for: parameters of a Parameters resource, or of the URL where the body is NDJSON.
 *
 * Invariant: all problems at once; what is not known is refused, with its place.
 */
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import type { Issue } from '../../fhir/outcome.js';
import { malformed } from '../../fhir/search/parameters/problem.js';
import { readBody } from '../content.js';
import type { Context } from '../context.js';
import {
  type Given,
  givenParameters,
  noted,
  type Parameter,
  readParameters,
  refuse,
  textual,
} from '../operation-parameters.js';
import type { FhirRequest } from '../request.js';
import { checkResource } from '../write.js';
import type { ImportInput, ImportMode, MatchRule } from './import-spec.js';

export interface ImportWishes {
  readonly mode: ImportMode;
  readonly inputs: readonly (ImportInput & { readonly kind: 'url' })[];
  readonly match: readonly MatchRule[];
}

/** A plus that was not percent-encoded arrives as a blank. */
const FORMATS: ReadonlySet<string> = new Set([
  'application/fhir+ndjson',
  'application/fhir ndjson',
  'application/ndjson',
  'application/x-ndjson',
  'ndjson',
]);
const MOST_INPUTS = 10_000;

const INPUT_FORMAT: Parameter<string> = textual((text) =>
  FORMATS.has(text.toLowerCase())
    ? text
    : malformed('must be application/fhir+ndjson, application/ndjson or ndjson: no other form is read'),
);

const MODE: Parameter<ImportMode> = textual((text) =>
  text === 'upsert' || text === 'load'
    ? text
    : malformed(
        'is upsert (create or update under the given ids) or load (bundles are carried out, ids are given)',
      ),
);

/** The first bar ends the type: systems are URIs, which may hold some. */
const MATCH_RULE = /^([A-Za-z]+)\|(\S+)$/;
const MATCH: Parameter<MatchRule> = {
  ...textual((text, { knowledge: { definitions } }) => {
    const [, type = '', system = ''] = MATCH_RULE.exec(text) ?? [];
    if (system === '')
      return malformed('is a type and a system of identifiers, like Patient|urn:oid:1.2.36.146');
    const isKnown = definitions.searchParameters.get(type)?.has('identifier') === true;
    return isKnown
      ? { type, system }
      : malformed('names no resource type that can be searched by identifier');
  }),
  repeats: true,
};

const PARAMETERS = { inputFormat: INPUT_FORMAT, mode: MODE, match: MATCH };

/** With NDJSON in the body. */
export function readBodyWishes(request: FhirRequest, context: Context): Omit<ImportWishes, 'inputs'> {
  const { query, method, path } = request;
  const bodyless = { query, method, path, header: (name: string) => request.header(name) };
  const { mode, match } = readParameters('import', PARAMETERS, givenParameters(bodyless, context), context);
  return { mode: mode[0] ?? 'upsert', match };
}

/** Parameters with parts are read here, all others by the table. */
export function readImportWishes(request: FhirRequest, context: Context): ImportWishes {
  const issues: Issue[] = [];
  const parameters = parametersIn(request, context);
  const simple = givenParameters(request, context).filter(
    ({ name, expression }) => expression === undefined || !STRUCTURED.has(name),
  );
  const values = noted(issues, () => readParameters('import', PARAMETERS, simple, context));
  const inputs: (ImportInput & { readonly kind: 'url' })[] = [];
  for (const [at, parameter] of parameters.entries()) {
    const expression = `Parameters.parameter[${at}]`;
    if (parameter.name === 'storageDetail') checkStorageDetail(parameter, expression, issues);
    if (parameter.name !== 'input') continue;
    const input = noted(issues, () => readInput(parameter, expression, context));
    if (input !== undefined) inputs.push(input);
  }
  if (!parameters.some(({ name }) => name === 'input')) {
    add(issues, 'required', '$import needs the parameter input, once for each file.', 'Parameters.parameter');
  }
  if (inputs.length > MOST_INPUTS)
    add(issues, 'too-long', `$import takes ${MOST_INPUTS} inputs at most.`, 'Parameters.parameter');
  refuse(issues);
  return { mode: values?.mode[0] ?? 'upsert', inputs, match: values?.match ?? [] };
}

const STRUCTURED: ReadonlySet<string> = new Set(['input', 'storageDetail']);

function parametersIn(request: FhirRequest, context: Context): readonly JsonObject[] {
  const { parameter } = checkResource(readBody(request), 'Parameters', context);
  return Array.isArray(parameter) ? parameter.filter(isObject) : [];
}

/** What a storage needs to let us in is nothing that this server could use. */
function checkStorageDetail(parameter: JsonObject, expression: string, issues: Issue[]): void {
  const { name: _name, id: _id, ...others } = parameter;
  if (Object.values(others).every((value) => Array.isArray(value) && value.length === 0)) return;
  const text =
    'The parameter storageDetail is not used here: give URLs that open without it, such as signed ones.';
  add(issues, 'not-supported', text, expression);
}

const TYPE: Parameter<string> = textual((text, { knowledge }) =>
  knowledge.definitions.resourceTypes.has(text)
    ? text
    : malformed('is no resource type: types are written like Patient'),
);
const URL_: Parameter<string> = textual((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    return malformed('is no absolute URL that begins with https: or http:');
  if (url.username !== '' || url.password !== '') return malformed('must hold no user and no password');
  return text;
});
const ETAG: Parameter<string> = textual((text) => text);
const PARTS = {
  type: { ...TYPE, required: true },
  url: { ...URL_, required: true },
  etag: ETAG,
};

function readInput(
  { part }: JsonObject,
  expression: string,
  context: Context,
): ImportInput & { readonly kind: 'url' } {
  const given = (Array.isArray(part) ? part.filter(isObject) : []).map((one, at): Given => {
    const key = Object.keys(one).find((each) => each.startsWith('value'));
    return {
      name: typeof one.name === 'string' ? one.name : '',
      value: key === undefined ? undefined : simple(one[key]),
      expression: `${expression}.part[${at}]`,
    };
  });
  const { type, url, etag } = readParameters('import (input)', PARTS, given, context);
  const [wanted] = etag;
  return {
    kind: 'url',
    type: type[0] as string, // required
    url: url[0] as string, // required
    ...(wanted === undefined ? {} : { etag: wanted }),
  };
}

function simple(value: JsonValue | undefined): Given['value'] {
  return typeof value === 'string' || isObject(value) ? value : undefined;
}

function add(issues: Issue[], code: Issue['code'], text: string, expression: string): void {
  issues.push({ severity: 'error', code, text, expression: [expression] });
}
