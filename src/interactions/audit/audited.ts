/**
 * An interaction under audit: what it came to is recorded before its answer goes out.
 *
 * Invariant: refusals, failures, and whatever may have changed something are durable before the answer; reads that went
 * well are noted, which is durable within a second (ports/audit-log.ts). What cannot be recorded is not answered.
 */
import { Refusal } from '../../fhir/outcome.js';
import type { MaybePromise } from '../../ports/backend.js';
import type { Context } from '../context.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';
import { patientsAsked } from './patients.js';
import type { About, Trail } from './trail.js';

/** What the router made of a request. */
export interface Asked {
  /** The name of its route. */
  readonly interaction: string;
  readonly target: {
    readonly type?: string;
    readonly id?: string;
    readonly operation?: string;
    readonly job?: string;
    readonly file?: string;
    readonly compartment?: { readonly name: string; readonly id: string };
  };
}

/** They change nothing. */
const READS: ReadonlySet<string> = new Set([
  'read',
  'vread',
  'search-type',
  'search-system',
  'search-compartment',
  'history-instance',
  'history-type',
  'history-system',
  'operation',
  'job-file',
]);
/** Of the server or of a job's progress, and of nobody's data. */
const UNTOLD: ReadonlySet<string> = new Set(['capabilities', 'job-status']);
/** Work goes on after the answer. */
const ACCEPTED = 202;
/** Longer ones are cut off. */
const QUERY_CHARACTERS = 4_000;

/** `asked` is undefined where there is no such interaction. */
export function audited(
  request: FhirRequest,
  context: Context,
  trail: Trail,
  asked: Asked | undefined,
  answer: () => MaybePromise<FhirResponse>,
): MaybePromise<FhirResponse> {
  const audit: Audit = { request, context, trail, asked };
  let response: MaybePromise<FhirResponse>;
  try {
    response = answer();
  } catch (error) {
    return failed(audit, error);
  }
  return response instanceof Promise
    ? response.then(
        (answered) => told(audit, answered),
        (error: unknown) => failed(audit, error),
      )
    : told(audit, response);
}

interface Audit {
  readonly request: FhirRequest;
  readonly context: Context;
  readonly trail: Trail;
  readonly asked: Asked | undefined;
}

async function failed(audit: Audit, error: unknown): Promise<never> {
  await refused(audit, error instanceof Refusal ? error.status : 500);
  throw error;
}

function told(audit: Audit, response: FhirResponse): MaybePromise<FhirResponse> {
  const recorded = recordedOf(audit, response.status);
  return recorded === undefined ? response : recorded.then(() => response);
}

function recordedOf(audit: Audit, status: number): Promise<void> | undefined {
  const { asked } = audit;
  if (status >= 400) return refused(audit, status);
  return asked === undefined || UNTOLD.has(asked.interaction) ? undefined : succeeded(audit, asked, status);
}

function refused(audit: Audit, status: number): Promise<void> {
  const outcome = status >= 500 ? 'error' : 'refused';
  return audit.trail.record(aboutOf(audit), outcome, status);
}

/** Undefined where it was noted, or is recorded elsewhere. */
function succeeded(audit: Audit, { interaction }: Asked, status: number): Promise<void> | undefined {
  const { trail } = audit;
  if (trail.hasCommitted || trail.hasEntries) return undefined; // recorded one by one
  const about = aboutOf(audit);
  const isRead = READS.has(interaction) && status !== ACCEPTED;
  const isLight = isRead && trail.source.access.agent?.emergency === undefined;
  if (!isLight) return trail.record(about, 'success', status);
  trail.note(about, status);
  return undefined;
}

function aboutOf({ request, context, trail, asked }: Audit): About {
  if (asked === undefined) return { interaction: 'none' };
  const { operation, compartment, job, file } = asked.target;
  if (job !== undefined) {
    return { interaction: asked.interaction, id: file === undefined ? job : `${job}/${file}` };
  }
  const type = compartment === undefined ? asked.target.type : compartment.name;
  const id = compartment === undefined ? asked.target.id : compartment.id;
  if (type === 'Patient' && id !== undefined) trail.patients.add(id);
  patientsAsked(request.query, context.baseUrl, trail.patients);
  return {
    interaction: operation === undefined ? asked.interaction : `$${operation}`,
    type,
    id,
    query: queryText(request.query),
  };
}

function queryText(query: FhirRequest['query']): string | undefined {
  if (query.length === 0) return undefined;
  const pairs = query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  return pairs.join('&').slice(0, QUERY_CHARACTERS);
}

/** A search inside of a batch may hold what is no text; a half of a character cannot be encoded. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
