/**
 * `/admin` over HTTP: who may come in, the body, the answer, and the record of it.
 *
 * Invariants
 * - Whoever is no administrator learns nothing of what there is: the token is looked at first.
 * - What was done, or refused, is in the audit log before it is answered. The log names clients and people by their ids.
 * - No change is made that the log does not know of: that it begins is durable before it is made, what came of it after.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FoundRoute, problemOf, routeOf } from '../admin/administration.js';
import type { AdminAnswer } from '../admin/route.js';
import type { Administrator } from '../authorization/administrator.js';
import type { Authorization } from '../authorization/authorization.js';
import type { Told } from '../authorization/security-log.js';
import { isObject, type JsonObject } from '../fhir/format/json.js';
import { parseJson } from '../fhir/format/parse.js';
import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import { networkAddress } from './network-address.js';

const MAX_BYTES = 256 * 1024;

/** Undefined where there is no authorization server: then there is nobody to manage. */
export function adminDoor(
  authorization: Authorization | undefined,
  trustProxy: boolean,
): ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined {
  if (authorization === undefined) return undefined;
  return async (request, response) => {
    const requestId = String(response.getHeader('x-request-id') ?? '');
    authorization.securityLog.enter(request, { requestId, ...networkAddress(request, trustProxy) });
    await answer(request, response, authorization);
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  authorization: Authorization,
): Promise<void> {
  const { securityLog } = authorization;
  let caller: Administrator | undefined;
  let found: FoundRoute | undefined;
  try {
    caller = await authorization.administratorOf(request);
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    found = routeOf(request.method ?? '', segmentsOf(path));
    const body = request.method === 'POST' ? await bodyOf(request) : {};
    const call = { caller, id: found.id, query: new URLSearchParams(query), body };
    if (found.route.method !== 'GET')
      await securityLog.tell(request, told('success', caller, found, 'begins'));
    const answered = await found.route.run(call, authorization.administered);
    await securityLog.tell(request, told('success', caller, found, 'done', answered));
    send(response, answered);
  } catch (error) {
    const problem = problemOf(error);
    await securityLog.tell(request, told(problem === undefined ? 'error' : 'refused', caller, found, 'done'));
    if (problem === undefined) throw error;
    write(response, problem.status, 'application/problem+json', problem.body, problem.headers);
  }
}

/** `/clients/1/disable` */
function segmentsOf(path: string): readonly string[] {
  try {
    return path.slice(1).split('/').map(decodeURIComponent);
  } catch {
    throw new Refusal('malformed-request', 'The URL is not percent-encoded UTF-8.');
  }
}

async function bodyOf(request: IncomingMessage): Promise<JsonObject> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BYTES) throw new Refusal('too-large', `The body is longer than ${MAX_BYTES} bytes.`);
    pieces.push(piece);
  }
  if (size === 0) return {};
  const body = parseJson(Buffer.concat(pieces).toString('utf8'));
  if (isObject(body)) return body;
  throw new Refusal('malformed-request', 'The body must be a JSON object.');
}

function told(
  outcome: Told['outcome'],
  caller: Administrator | undefined,
  found: FoundRoute | undefined,
  phase: 'begins' | 'done',
  answered?: AdminAnswer,
): Told {
  const event =
    found === undefined || found.route.method === 'GET' ? 'administration' : CHANGES[found.route.collection];
  return {
    event,
    outcome,
    client: caller?.client,
    person: caller?.person,
    ...(found === undefined ? {} : { query: queryOf(found, phase, answered) }),
  };
}

const CHANGES = { clients: 'client-change', users: 'user-change' } as const;

function queryOf(
  { route, id }: FoundRoute,
  phase: 'begins' | 'done',
  answered: AdminAnswer | undefined,
): string {
  const about = id === '' ? (answered?.location?.split('/')[1] ?? '') : id;
  return new URLSearchParams({
    act: `${route.collection} ${route.act}`,
    ...(about === '' ? {} : { id: about }),
    ...(phase === 'begins' ? { phase } : {}),
  }).toString();
}

function send(response: ServerResponse, { status, body, location }: AdminAnswer): void {
  const headers = location === undefined ? {} : { location: `/admin/${location}` };
  write(response, status, 'application/json', body, headers);
}

function write(
  response: ServerResponse,
  status: number,
  type: string,
  body: JsonObject,
  headers: Readonly<Record<string, string>>,
): void {
  response
    .writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers })
    .end(serialise(body));
}
