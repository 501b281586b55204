/**
 * `POST /auth/register`: a client registers itself, with an initial access token that an administrator made.
 * https://www.rfc-editor.org/rfc/rfc7591#section-3
 *
 * Invariant: nothing is looked at before the token is found good; only what comes to a client takes one of its uses.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { Refusal } from '../../fhir/outcome.js';
import { bearerToken } from '../bearer.js';
import { FormError, readBody } from '../forms.js';
import { answerJson, failure } from '../json-answer.js';
import type { SecurityLog } from '../security-log.js';
import type { ClientStatus } from './client.js';
import type { Clients } from './clients.js';
import type { InitialTokens } from './initial-tokens.js';
import { RegistrationError } from './registration.js';
import { errorOf, readRegistration, registrationAnswer } from './registration-request.js';

export interface RegistrationParts {
  readonly clients: Clients;
  readonly initialTokens: InitialTokens;
  readonly newClients: Extract<ClientStatus, 'active' | 'pending'>;
  readonly securityLog: SecurityLog;
}

/** Below the issuer, see discovery.ts. */
const REGISTER = '/register';
const CHALLENGE = { 'www-authenticate': 'Bearer error="invalid_token"' };

/** False where the path is not this one. */
export async function serveRegistration(
  request: IncomingMessage,
  response: ServerResponse,
  parts: RegistrationParts,
): Promise<boolean> {
  if (request.url !== REGISTER) return false;
  if (request.method !== 'POST') {
    answerJson(response, 405, failure('invalid_request', 'Clients register by POST.'), { allow: 'POST' });
    return true;
  }
  try {
    await register(request, response, parts);
  } catch (error) {
    const { status, body, headers } = refusalOf(error);
    await parts.securityLog.tell(request, { event: 'client-registration', outcome: 'refused' });
    answerJson(response, status, body, headers);
  }
  return true;
}

async function register(
  request: IncomingMessage,
  response: ServerResponse,
  { clients, initialTokens, newClients, securityLog }: RegistrationParts,
): Promise<void> {
  const token = bearerToken(request.headers.authorization);
  if (!(await initialTokens.isOne(token))) throw new InitialTokenError('is not known, or has expired');
  const read = readRegistration(parseJson((await readBody(request)).toString('utf8')));
  if ('problems' in read) throw new MetadataError(read.problems.join(' '));
  clients.check(read.wanted);
  if (!(await initialTokens.use(token))) throw new InitialTokenError('was used as often as it may be');
  const made = await clients.add(read.wanted, newClients);
  await securityLog.tell(request, {
    event: 'client-registration',
    outcome: 'success',
    client: made.client.id,
  });
  answerJson(response, 201, registrationAnswer(made));
}

class InitialTokenError extends Error {}
class MetadataError extends Error {}

interface Answer {
  readonly status: number;
  readonly body: ReturnType<typeof failure>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2 */
function refusalOf(error: unknown): Answer {
  if (error instanceof Refusal) {
    const text = 'Send an initial access token as Authorization: Bearer …. An administrator makes one.';
    return { status: 401, body: failure('invalid_token', text), headers: error.headers };
  }
  if (error instanceof InitialTokenError) {
    const text = `The initial access token ${error.message}. Ask an administrator for another.`;
    return { status: 401, body: failure('invalid_token', text), headers: CHALLENGE };
  }
  if (error instanceof MetadataError) return refused('invalid_client_metadata', error.message);
  if (error instanceof JsonSyntaxError) return refused('invalid_client_metadata', 'The body is no JSON.');
  if (error instanceof FormError) {
    return { status: error.status, body: failure('invalid_client_metadata', error.message) };
  }
  if (error instanceof RegistrationError) {
    return refused(errorOf(error.problems), error.problems.map(({ text }) => text).join(' '));
  }
  throw error;
}

function refused(error: string, text: string): Answer {
  return { status: 400, body: failure(error, text) };
}
