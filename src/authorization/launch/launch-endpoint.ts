/**
 * `POST /auth/launch`: an EHR opens an app for somebody. The caller is a backend service that was registered with the scope
 * `launch` and comes with an access token of its own; the answer is the `launch` value for the app's launch URL.
 *
 *   {"patient": "123", "encounter": "9", "user": "drgrey", "client_id": "…", "intent": "…", "fhirContext": […],
 *    "need_patient_banner": false, "smart_style_url": "https://…", "tenant": "…"}        all of it optional
 *   201 {"launch": "…", "iss": FHIR base, "expires_in": 300}
 *
 * Invariant: nothing is handed over but by a caller that proves itself; whether the person may open the patient is looked at
 * when they sign in.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import type { JsonObject } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { serialise } from '../../fhir/format/serialise.js';
import { Refusal } from '../../fhir/outcome.js';
import type { Records } from '../../ports/records.js';
import { bearerToken } from '../bearer.js';
import type { RegisteredClient } from '../clients/client.js';
import { FormError, readBody } from '../forms.js';
import type { IssuedToken } from '../issued-token.js';
import { readValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import type { SecurityLog } from '../security-log.js';
import type { AuthorizationSettings } from '../settings.js';
import { tokenHash } from '../token-hash.js';
import type { Users } from '../users/users.js';
import { readLaunch } from './launch-context.js';
import type { Launches } from './launches.js';

export interface LaunchEndpointParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly users: Users;
  readonly launches: Launches;
  readonly settings: AuthorizationSettings;
  readonly findClient: (id: string) => Promise<RegisteredClient | undefined>;
  readonly securityLog: SecurityLog;
}

const PATH = '/launch';

/** False where the path is not this one. */
export async function serveLaunch(
  request: IncomingMessage,
  response: ServerResponse,
  parts: LaunchEndpointParts,
): Promise<boolean> {
  if (request.url !== PATH) return false;
  if (request.method !== 'POST') {
    answer(response, 405, failure('invalid_request', 'Launches are made by POST.'), { allow: 'POST' });
    return true;
  }
  try {
    await makeLaunch(request, response, parts);
  } catch (error) {
    if (error instanceof Refusal) {
      await parts.securityLog.tell(request, { event: 'launch', outcome: 'refused' });
      answer(response, 401, failure('invalid_token', error.message), error.headers);
    } else if (error instanceof FormError)
      answer(response, error.status, failure('invalid_request', error.message));
    else if (error instanceof JsonSyntaxError) {
      answer(response, 400, failure('invalid_request', 'The body is no JSON.'));
    } else throw error;
  }
  return true;
}

async function makeLaunch(
  request: IncomingMessage,
  response: ServerResponse,
  parts: LaunchEndpointParts,
): Promise<void> {
  const { launches, users, settings, clock, securityLog } = parts;
  const ehr = await callerOf(request, parts);
  if (ehr?.type !== 'backend' || !ehr.scope.split(' ').includes('launch')) {
    await securityLog.tell(request, { event: 'launch', outcome: 'refused', client: ehr?.id });
    const text = 'The caller must be a backend service that was registered with the scope launch.';
    return answer(response, 403, failure('insufficient_scope', text));
  }
  const read = readLaunch(parseJson((await readBody(request)).toString('utf8')));
  if ('problems' in read) return answer(response, 400, failure('invalid_request', read.problems.join(' ')));
  const { context, clientId, user: login } = read.wanted;
  const user = login === undefined ? undefined : await users.byLogin(login);
  const unknown = [
    ...(login !== undefined && user === undefined ? ['user is no login of this server.'] : []),
    ...(clientId !== undefined && (await parts.findClient(clientId)) === undefined
      ? ['client_id is no client of this server.']
      : []),
  ];
  if (unknown.length > 0) return answer(response, 400, failure('invalid_request', unknown.join(' ')));
  await securityLog.tell(request, {
    event: 'launch',
    outcome: 'success',
    client: ehr.id,
    person: user,
    patient: context.patient,
  });
  const { value, expires } = await launches.make({
    context,
    ...(clientId === undefined ? {} : { clientId }),
    ...(user === undefined ? {} : { subject: user.subject }),
  });
  const lasts = Math.floor((expires - clock.now()) / 1000);
  answer(response, 201, { launch: value, iss: settings.fhirBase, expires_in: String(lasts) });
}

/** Throws Refusal where there is no good token. */
async function callerOf(
  request: IncomingMessage,
  { records, clock, settings, findClient }: LaunchEndpointParts,
): Promise<RegisteredClient | undefined> {
  const token = bearerToken(request.headers.authorization);
  const written = await records.get(KIND.accessToken, tokenHash(token));
  const issued = written === undefined ? undefined : readValue<IssuedToken>(written);
  if (issued === undefined || issued.aud !== settings.fhirBase || issued.exp * 1000 <= clock.now()) {
    throw new Refusal('authentication-required', 'The access token is not accepted. Get a new one.', {
      'www-authenticate': 'Bearer error="invalid_token"',
    });
  }
  return findClient(issued.clientId);
}

function failure(error: string, description: string): JsonObject {
  return { error, error_description: description };
}

function answer(
  response: ServerResponse,
  status: number,
  body: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): void {
  const all = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    pragma: 'no-cache',
    ...headers,
  };
  response.writeHead(status, all).end(serialise(body));
}
