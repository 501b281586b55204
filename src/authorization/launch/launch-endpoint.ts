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
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { Refusal } from '../../fhir/outcome.js';
import type { RegisteredClient } from '../clients/client.js';
import { FormError, readBody } from '../forms.js';
import { answerJson, failure } from '../json-answer.js';
import { type PresentedParts, presentedToken } from '../presented-token.js';
import type { SecurityLog } from '../security-log.js';
import type { Users } from '../users/users.js';
import { readLaunch } from './launch-context.js';
import type { Launches } from './launches.js';

export interface LaunchEndpointParts extends PresentedParts {
  readonly users: Users;
  readonly launches: Launches;
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
    answerJson(response, 405, failure('invalid_request', 'Launches are made by POST.'), { allow: 'POST' });
    return true;
  }
  try {
    await makeLaunch(request, response, parts);
  } catch (error) {
    if (error instanceof Refusal) {
      await parts.securityLog.tell(request, { event: 'launch', outcome: 'refused' });
      answerJson(response, 401, failure('invalid_token', error.message), error.headers);
    } else if (error instanceof FormError)
      answerJson(response, error.status, failure('invalid_request', error.message));
    else if (error instanceof JsonSyntaxError) {
      answerJson(response, 400, failure('invalid_request', 'The body is no JSON.'));
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
  const { client: ehr } = await presentedToken(request, parts);
  if (ehr.type !== 'backend' || !ehr.scope.split(' ').includes('launch')) {
    await securityLog.tell(request, { event: 'launch', outcome: 'refused', client: ehr.id });
    const text = 'The caller must be a backend service that was registered with the scope launch.';
    return answerJson(response, 403, failure('insufficient_scope', text));
  }
  const read = readLaunch(parseJson((await readBody(request)).toString('utf8')));
  if ('problems' in read)
    return answerJson(response, 400, failure('invalid_request', read.problems.join(' ')));
  const { context, clientId, user: login } = read.wanted;
  const user = login === undefined ? undefined : await users.byLogin(login);
  const unknown = [
    ...(login !== undefined && user === undefined ? ['user is no login of this server.'] : []),
    ...(clientId !== undefined && (await parts.findClient(clientId)) === undefined
      ? ['client_id is no client of this server.']
      : []),
  ];
  if (unknown.length > 0) return answerJson(response, 400, failure('invalid_request', unknown.join(' ')));
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
  answerJson(response, 201, { launch: value, iss: settings.fhirBase, expires_in: String(lasts) });
}
