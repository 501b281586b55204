/**
 * FHIR capabilities: what this server can do, read off the table of routes and the definitions.
 * https://hl7.org/fhir/R4/http.html#capabilities, https://hl7.org/fhir/R4/capabilitystatement.html
 *
 * Invariant: nothing is declared that no route serves. The statement is made once per definitions and base.
 */
import type { Definitions, SearchParameter } from '../fhir/definitions/definitions.js';
import type { JsonObject } from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import { formatInstant } from '../fhir/primitives/date.js';
import type { Context, SecurityEndpoints } from './context.js';
import { FHIR_JSON, queryValue } from './negotiation.js';
import { type OperationLevel, operationsAt } from './operations.js';
import { projectBytes, requestedProjection } from './projected.js';
import type { FhirRequest } from './request.js';
import type { FhirResponse } from './response.js';
import type { InteractionCode, Routes } from './routes.js';
import { searchableParameters } from './searchable.js';

/** In this version every mode is answered with the full statement, which the specification allows. */
const MODES: ReadonlySet<string> = new Set(['full', 'normative', 'terminology']);

const made = new WeakMap<Definitions, Map<string, Buffer>>();

/** Behind a proxy the base comes from the request: however many there are, so many statements are kept. */
const KEPT = 8;

export async function capabilities(
  request: FhirRequest,
  context: Context,
  routes: Routes,
): Promise<FhirResponse> {
  const mode = queryValue(request.query, 'mode') ?? 'full';
  if (!MODES.has(mode)) {
    throw new Refusal('invalid-parameter', `mode is one of ${[...MODES].join(', ')}.`);
  }
  const bytes = statementBytes(context, routes);
  const projection = requestedProjection(request.query);
  const body =
    projection === undefined ? bytes : projectBytes(bytes, projection, context.knowledge.definitions);
  return { status: 200, headers: {}, body: [body] };
}

function statementBytes(context: Context, routes: Routes): Buffer {
  const { definitions } = context.knowledge;
  const byBase = made.get(definitions) ?? new Map<string, Buffer>();
  made.set(definitions, byBase);
  const key = [context.tenant, context.baseUrl, context.settings.explain].join(' ');
  const known = byBase.get(key);
  if (known !== undefined) return known;
  if (byBase.size >= KEPT) byBase.clear();
  const bytes = Buffer.from(serialise(statement(context, routes)));
  byBase.set(key, bytes);
  return bytes;
}

function statement(context: Context, routes: Routes): JsonObject {
  const { knowledge, settings, baseUrl, clock } = context;
  return {
    resourceType: 'CapabilityStatement',
    name: 'Fairway',
    title: 'Fairway FHIR R4 server',
    status: 'active',
    date: formatInstant(clock.now()),
    kind: 'instance',
    instantiates: ['http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data'],
    software: { name: 'Fairway', version: settings.softwareVersion },
    implementation: { description: 'Fairway', url: baseUrl },
    fhirVersion: knowledge.definitions.fhirVersion,
    format: [FHIR_JSON, 'json'],
    patchFormat: ['application/json-patch+json', FHIR_JSON],
    rest: [
      {
        mode: 'server',
        ...(settings.security === undefined ? {} : { security: securityStatement(settings.security) }),
        resource: typeStatements(context, routes),
        interaction: declared(routes, SYSTEM_INTERACTIONS),
        searchParam: [...EVERYWHERE, ...(settings.explain ? [EXPLAIN] : [])],
        ...listed('operation', operationStatements(['system'], context)),
      },
    ],
  };
}

/** What is asked of every type, or across types, and is no parameter of the definitions. */
const EVERYWHERE: readonly JsonObject[] = [
  {
    name: '_filter',
    definition: 'http://hl7.org/fhir/SearchParameter/filter',
    type: 'special',
    documentation:
      'A condition with and, or, not, brackets and chains: `name co "pet" and birthdate ge 1970`.',
  },
  {
    name: '_has',
    type: 'special',
    documentation:
      'By what refers to a resource: `_has:Observation:patient:code=8867-4`, nested and inside chains.',
  },
  { name: '_list', type: 'special', documentation: 'What a List has as its items: `_list=ID`.' },
  { name: '_type', type: 'special', documentation: 'The types of a search across types.' },
];

const EXPLAIN: JsonObject = {
  name: '_explain',
  type: 'special',
  documentation: '`true` answers with the query tree, the plan and its costs instead of the matches.',
};

/** https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#declaring-support-for-oauth2-endpoints */
function securityStatement(endpoints: SecurityEndpoints): JsonObject {
  const { authorize, token, introspect, register, revoke } = endpoints;
  return {
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: Object.entries({ authorize, token, introspect, register, revoke }).flatMap(
          ([url, valueUri]) => (valueUri === undefined ? [] : [{ url, valueUri }]),
        ),
      },
    ],
    cors: true,
    service: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
            code: 'SMART-on-FHIR',
            display: 'SMART-on-FHIR',
          },
        ],
        text: 'Access by OAuth 2.0 tokens; .well-known/smart-configuration says how to get one',
      },
    ],
  };
}

const TYPE_INTERACTIONS: readonly InteractionCode[] = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'history-instance',
  'history-type',
  'create',
  'search-type',
];

const READING: readonly InteractionCode[] = [
  'read',
  'vread',
  'history-instance',
  'history-type',
  'search-type',
];

const SYSTEM_INTERACTIONS: readonly InteractionCode[] = [
  'transaction',
  'batch',
  'search-system',
  'history-system',
];

/** Of the codes, in their order, those that some route serves. */
function declared(routes: Routes, codes: readonly InteractionCode[]): JsonObject[] {
  const served = new Set(Object.values(routes).flatMap(declaredBy));
  return codes.filter((code) => served.has(code)).map((code) => ({ code }));
}

function declaredBy(methods: Routes[keyof Routes]): readonly InteractionCode[] {
  return Object.values(methods).flatMap((route) => route.declares);
}

function typeStatements(context: Context, routes: Routes): JsonObject[] {
  const { definitions } = context.knowledge;
  const referrers = reverseIncludes(definitions);
  return [...definitions.resourceTypes.keys()].sort().map((type) => {
    const parameters = searchableParameters(definitions, type);
    const includes = parameters.filter(({ type: kind }) => kind === 'reference');
    return {
      type,
      profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
      ...(isReadOnly(type, context)
        ? { interaction: declared(routes, READING), versioning: 'versioned', readHistory: true }
        : { interaction: declared(routes, TYPE_INTERACTIONS), ...abilities(context, routes) }),
      ...listed('searchInclude', ['*', ...includes.map(({ code }) => `${type}:${code}`)]),
      ...listed('searchRevInclude', referrers.get(type) ?? []),
      ...listed('searchParam', parameters.map(parameterStatement)),
      ...listed('operation', operationStatements(['type', 'instance'], context, type)),
    };
  });
}

/** Under audit the server itself writes audit events, and nobody else. */
function isReadOnly(type: string, { auditing }: Context): boolean {
  return type === 'AuditEvent' && auditing !== undefined;
}

function abilities({ settings }: Context, routes: Routes): JsonObject {
  const conditional = routes.type;
  return {
    versioning: 'versioned-update',
    readHistory: routes.version.GET !== undefined,
    updateCreate: routes.instance.PUT !== undefined,
    conditionalCreate: conditional.POST !== undefined,
    conditionalRead: 'full-support',
    conditionalUpdate: conditional.PUT !== undefined,
    conditionalDelete: settings.conditionalDeleteLimit > 1 ? 'multiple' : 'single',
    referencePolicy: ['literal', 'logical', ...(settings.checkReferences ? ['enforced'] : [])],
  };
}

function listed(name: string, values: readonly (string | JsonObject)[]): JsonObject {
  return values.length === 0 ? {} : { [name]: [...values] };
}

function parameterStatement(parameter: SearchParameter): JsonObject {
  const { code, url, type, description } = parameter;
  return {
    name: code,
    definition: url,
    type,
    ...(description === undefined || code.startsWith('_') ? {} : { documentation: description }),
  };
}

function operationStatements(
  levels: readonly OperationLevel[],
  { baseUrl }: Context,
  type?: string,
): readonly JsonObject[] {
  return operationsAt(levels, type).flatMap(({ name, alias, definition }) =>
    (alias === undefined ? [name] : [name, alias]).map((each) => ({
      name: each,
      definition: new URL(definition, `${baseUrl}/`).href,
    })),
  );
}

/** Type → `Source:param` of every reference parameter that names the type as a target. */
function reverseIncludes(definitions: Definitions): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const source of [...definitions.resourceTypes.keys()].sort()) {
    for (const { code, type, targets } of searchableParameters(definitions, source)) {
      if (type !== 'reference') continue;
      for (const target of targets.length === 0 ? definitions.resourceTypes.keys() : targets) {
        const listed = found.get(target) ?? [];
        listed.push(`${source}:${code}`);
        found.set(target, listed);
      }
    }
  }
  return found;
}
