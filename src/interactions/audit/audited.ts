/**
 * An interaction under audit: what it came to is recorded before its answer goes out.
 *
 * Invariant: refusals, failures, and whatever may have changed something are durable before the answer; reads that went
 * well are noted, which is durable within a second (ports/audit-log.ts). What cannot be recorded is not answered.
 */
import { Refusal } from '../../fhir/outcome.js';
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

type Answer = (request: FhirRequest, context: Context) => Promise<FhirResponse>;

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

export async function audited(
  request: FhirRequest,
  context: Context,
  trail: Trail,
  routed: (request: FhirRequest, context: Context) => Asked | undefined,
  answer: Answer,
): Promise<FhirResponse> {
  let response: FhirResponse;
  try {
    response = await answer(request, context);
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 500;
    await refused(request, context, trail, routed(request, context), status);
    throw error;
  }
  const asked = routed(request, context);
  if (response.status >= 400) await refused(request, context, trail, asked, response.status);
  else if (asked !== undefined && !UNTOLD.has(asked.interaction)) {
    await succeeded(request, context, trail, asked, response.status);
  }
  return response;
}

function refused(
  request: FhirRequest,
  context: Context,
  trail: Trail,
  asked: Asked | undefined,
  status: number,
): Promise<void> {
  const outcome = status >= 500 ? 'error' : 'refused';
  return trail.record(aboutOf(request, context, trail, asked), outcome, status);
}

function succeeded(
  request: FhirRequest,
  context: Context,
  trail: Trail,
  asked: Asked,
  status: number,
): Promise<void> | undefined {
  if (trail.hasCommitted || trail.hasEntries) return undefined; // recorded one by one
  const about = aboutOf(request, context, trail, asked);
  const isRead = READS.has(asked.interaction) && status !== ACCEPTED;
  const isLight = isRead && trail.source.access.agent?.emergency === undefined;
  if (!isLight) return trail.record(about, 'success', status);
  trail.note(about, status);
  return undefined;
}

function aboutOf(request: FhirRequest, context: Context, trail: Trail, asked: Asked | undefined): About {
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
