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
import type { MaybePromise } from '../ports/backend.js';
import { type Asked, audited } from './audit/audited.js';
import type { Context } from './context.js';
import { notAcceptable, queryValue, requestAcceptsJson } from './negotiation.js';
import { locate, type Place, type ShapeName, type Targets } from './path.js';
import type { FhirRequest } from './request.js';
import type { FhirResponse } from './response.js';
import { type Method, ROUTES, type Route } from './routes.js';

/** Where a request leads; a refusal where there is no such path, or no such method on it. */
export type Located = Refusal | { readonly place: Place; readonly route: Route<Targets[ShapeName]> };

export function located({ method, path }: FhirRequest, { knowledge }: Pick<Context, 'knowledge'>): Located {
  try {
    const place = locate(path, knowledge.definitions);
    return { place, route: routeOf(method, place.shape) };
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/**
 * Answers at once where nothing has to be waited for: a turn of the microtask queue is a good part of a read. What fails
 * is always a rejection.
 */
export function handle(
  request: FhirRequest,
  context: Context,
  where: Located = located(request, context),
): MaybePromise<FhirResponse> {
  const { audit } = context;
  try {
    if (audit === undefined) return answer(request, context, where);
    return audited(request, context, audit, askedOf(where), () => answer(request, context, where));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** What the audit log says was asked for; undefined where there is no such thing. */
function askedOf(where: Located): Asked | undefined {
  return where instanceof Refusal ? undefined : { interaction: where.route.name, target: where.place.target };
}

function answer(request: FhirRequest, context: Context, where: Located): MaybePromise<FhirResponse> {
  if (where instanceof Refusal) throw where;
  const { place, route } = where;
  if (!requestAcceptsJson(request) && !sendsOtherForms(place, request.method)) throw notAcceptable();
  const response = route.run(request, place.target, context);
  if (queryValue(request.query, '_pretty') !== 'true') return response;
  return response instanceof Promise ? response.then(pretty) : pretty(response);
}

/** The name of the interaction that a request asks for, for logs and metrics; undefined where there is none. */
export function interactionName(where: Located): string | undefined {
  return where instanceof Refusal ? undefined : where.route.name;
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
