/**
 * The management API as one function: finds the route of a request and runs it.
 *
 *   GET  /admin/clients            POST /admin/clients            GET /admin/clients/{id}
 *   POST /admin/clients/{id}/disable|enable|approve|rotate
 *   GET  /admin/users              POST /admin/users              GET /admin/users/{subject}
 *   POST /admin/users/{subject}/disable|enable|password
 *
 * Invariant: what is answered holds no hash, and a secret only where it was made.
 */
import { UnknownClientError } from '../authorization/clients/clients.js';
import { RegistrationError } from '../authorization/clients/registration.js';
import { LoginTakenError, UserError } from '../authorization/users/users.js';
import type { JsonObject } from '../fhir/format/json.js';
import { JsonSyntaxError } from '../fhir/format/parse.js';
import { Refusal } from '../fhir/outcome.js';
import { CLIENT_ROUTES } from './clients.js';
import { type AdminRoute, MembersError } from './route.js';
import { USER_ROUTES } from './users.js';

const ROUTES: readonly AdminRoute[] = [...CLIENT_ROUTES, ...USER_ROUTES];

export interface FoundRoute {
  readonly route: AdminRoute;
  readonly id: string;
}

/** `path`: behind `/admin/`, decoded and divided at its slashes. Throws Refusal: 404, or 405 with Allow. */
export function routeOf(method: string, path: readonly string[]): FoundRoute {
  const fitting = ROUTES.filter((route) => fits(route, path));
  const route = fitting.find((each) => each.method === method);
  if (route !== undefined) return { route, id: route.path.includes(':id') ? (path[1] ?? '') : '' };
  if (fitting.length === 0) {
    throw new Refusal('unknown-route', 'Nothing is here: there are /admin/clients and /admin/users.');
  }
  const allow = fitting.map((each) => each.method).join(', ');
  throw new Refusal('method-not-allowed', `${method} is not for this path, which takes ${allow}.`, { allow });
}

function fits({ collection, path }: AdminRoute, asked: readonly string[]): boolean {
  const pattern = [collection, ...path];
  return (
    pattern.length === asked.length &&
    pattern.every((part, at) => (part === ':id' ? asked[at] !== '' : part === asked[at]))
  );
}

export interface Problem {
  readonly status: number;
  /** https://www.rfc-editor.org/rfc/rfc9457#section-3 */
  readonly body: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}

/** What went wrong, as it is told; undefined where it is no fault of the caller. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Refusal) {
    return problem(
      error.status,
      error.issues.map(({ text }) => text),
      error.headers,
    );
  }
  if (error instanceof UnknownClientError) return problem(404, [error.message]);
  if (error instanceof LoginTakenError) return problem(409, error.problems);
  if (error instanceof UserError || error instanceof MembersError) return problem(400, error.problems);
  if (error instanceof RegistrationError)
    return problem(
      400,
      error.problems.map(({ text }) => text),
    );
  if (error instanceof JsonSyntaxError) return problem(400, ['The body is no JSON.']);
  return undefined;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not right',
  401: 'An access token is needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Another method is needed',
  409: 'This does not fit what is there',
  413: 'Too long',
};

function problem(
  status: number,
  texts: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Problem {
  const title = TITLES[status] ?? 'Refused';
  const more = texts.length > 1 ? { problems: [...texts] } : {};
  return { status, headers, body: { title, status, detail: texts.join(' '), ...more } };
}
