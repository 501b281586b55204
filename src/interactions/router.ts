/**
 * From a request to its interaction, by the table of routes.
 * https://hl7.org/fhir/R4/http.html
 *
 * Invariant: what the table has not is refused by what it has: 404 for paths, 405 with Allow for methods, 406 for
 * forms. Refusals are thrown; render.ts makes answers of them.
 */
import { parseJson } from '../fhir/format/parse.js';
import { serialisePretty } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import { type Asked, audited } from './audit/audited.js';
import type { Context } from './context.js';
import { notAcceptable, queryValue, requestAcceptsJson } from './negotiation.js';
import { locate, type Place, type ShapeName, type Targets } from './path.js';
import type { FhirRequest } from './request.js';
import type { FhirResponse } from './response.js';
import { type Method, ROUTES, type Route } from './routes.js';

export function handle(request: FhirRequest, context: Context): Promise<FhirResponse> {
  return context.audit === undefined
    ? answer(request, context)
    : audited(request, context, context.audit, routed, answer);
}

/** What the audit log says was asked for; undefined where there is no such thing. */
function routed({ method, path }: FhirRequest, { knowledge }: Context): Asked | undefined {
  try {
    const { shape, target } = locate(path, knowledge.definitions);
    return { interaction: routeOf(method, shape).name, target };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

async function answer(request: FhirRequest, context: Context): Promise<FhirResponse> {
  const place = locate(request.path, context.knowledge.definitions);
  const route = routeOf(request.method, place.shape);
  if (!requestAcceptsJson(request) && !sendsOtherForms(place, request.method)) throw notAcceptable();
  const response = await route.run(request, place.target, context);
  return queryValue(request.query, '_pretty') === 'true' ? pretty(response) : response;
}

/** The name of the interaction that a request asks for, for logs and metrics; undefined where there is none. */
export function interactionName(request: FhirRequest, context: Context): string | undefined {
  try {
    return routeOf(request.method, locate(request.path, context.knowledge.definitions).shape).name;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function routeOf(method: string, shape: ShapeName): Route<Targets[ShapeName]> {
  const routes = ROUTES[shape];
  if (!Object.hasOwn(routes, method)) throw methodNotAllowed(method, Object.keys(routes));
  // The table's types say that a shape's routes take that shape's target; a lookup by name forgets the pairing.
  return routes[method as Method] as Route<Targets[ShapeName]>;
}

function methodNotAllowed(method: string, there: readonly string[]): Refusal {
  const allow = there.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])).join(', ');
  return new Refusal('method-not-allowed', `${method} is not for this path, which takes ${allow}.`, {
    allow,
  });
}

/**
 * A Binary's content goes out in its own form: whether it can is known once it was read. Files of jobs have the form that
 * their job was asked for.
 */
function sendsOtherForms({ shape, target }: Place, method: string): boolean {
  if (shape === 'job-file') return true;
  if (method !== 'GET' || (shape !== 'instance' && shape !== 'version')) return false;
  return 'type' in target && target.type === 'Binary';
}

function pretty(response: FhirResponse): FhirResponse {
  const { body, headers } = response;
  if (body === undefined || headers['content-type'] !== undefined) return response;
  const text = Buffer.concat(body).toString('utf8');
  return { ...response, body: [Buffer.from(serialisePretty(parseJson(text)))] };
}
