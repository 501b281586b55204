/**
 * Every interaction that there is, by the shape of its path and its method. The router, the Allow header and the
 * CapabilityStatement all read this table.
 * https://hl7.org/fhir/R4/http.html#summary
 */
import type { MaybePromise } from '../ports/backend.js';
import { bundleRequest } from './bundle/bundle.js';
import { capabilities } from './capabilities.js';
import { conditionalUpdate } from './conditional-update.js';
import type { Context } from './context.js';
import { create } from './create.js';
import { conditionalDelete, deleteInstance } from './delete.js';
import { history } from './history.js';
import { jobFile } from './jobs/job-file.js';
import { cancelJob, jobStatus } from './jobs/job-status.js';
import { runOperation } from './operations.js';
import { conditionalPatch, patch } from './patch.js';
import type { ShapeName, Targets } from './path.js';
import { read, vread } from './read.js';
import type { FhirRequest } from './request.js';
import type { FhirResponse } from './response.js';
import { search } from './search.js';
import type { OperationTarget } from './target.js';
import { update } from './update.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** https://hl7.org/fhir/R4/valueset-type-restful-interaction.html and valueset-system-restful-interaction.html */
export type InteractionCode =
  | 'read'
  | 'vread'
  | 'update'
  | 'patch'
  | 'delete'
  | 'history-instance'
  | 'history-type'
  | 'create'
  | 'search-type'
  | 'transaction'
  | 'batch'
  | 'search-system'
  | 'history-system';

export interface Route<T> {
  /** For logs and metrics. */
  readonly name: string;
  /** What the CapabilityStatement says of it. */
  readonly declares: readonly InteractionCode[];
  readonly run: (request: FhirRequest, target: T, context: Context) => MaybePromise<FhirResponse>;
}

export type Routes = {
  readonly [S in ShapeName]: { readonly [M in Method]?: Route<Targets[S]> };
};

const operation: Route<OperationTarget> = { name: 'operation', declares: [], run: runOperation };

export const ROUTES: Routes = {
  system: {
    GET: { name: 'search-system', declares: ['search-system'], run: search },
    POST: {
      name: 'bundle',
      declares: ['transaction', 'batch'],
      run: (request, _target, context) => bundleRequest(request, context),
    },
  },
  metadata: {
    GET: {
      name: 'capabilities',
      declares: [],
      run: (request, _target, context) => capabilities(request, context, ROUTES),
    },
  },
  'system-search': { POST: { name: 'search-system', declares: ['search-system'], run: search } },
  'system-history': { GET: { name: 'history-system', declares: ['history-system'], run: history } },
  type: {
    GET: { name: 'search-type', declares: ['search-type'], run: search },
    POST: { name: 'create', declares: ['create'], run: create },
    PUT: { name: 'conditional-update', declares: ['update'], run: conditionalUpdate },
    PATCH: { name: 'conditional-patch', declares: ['patch'], run: conditionalPatch },
    DELETE: { name: 'conditional-delete', declares: ['delete'], run: conditionalDelete },
  },
  'type-search': { POST: { name: 'search-type', declares: ['search-type'], run: search } },
  'type-history': { GET: { name: 'history-type', declares: ['history-type'], run: history } },
  instance: {
    GET: { name: 'read', declares: ['read'], run: read },
    PUT: { name: 'update', declares: ['update'], run: update },
    PATCH: { name: 'patch', declares: ['patch'], run: patch },
    DELETE: { name: 'delete', declares: ['delete'], run: deleteInstance },
  },
  'instance-history': {
    GET: { name: 'history-instance', declares: ['history-instance'], run: history },
  },
  version: { GET: { name: 'vread', declares: ['vread'], run: vread } },
  compartment: { GET: { name: 'search-compartment', declares: ['search-type'], run: search } },
  'compartment-search': { POST: { name: 'search-compartment', declares: ['search-type'], run: search } },
  'system-operation': { GET: operation, POST: operation },
  'type-operation': { GET: operation, POST: operation },
  'instance-operation': { GET: operation, POST: operation },
  job: {
    GET: { name: 'job-status', declares: [], run: jobStatus },
    DELETE: { name: 'job-cancel', declares: [], run: cancelJob },
  },
  'job-file': { GET: { name: 'job-file', declares: [], run: jobFile } },
};
