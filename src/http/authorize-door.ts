/** What leads to the authorization server: it is told where each request came from. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authorization } from '../authorization/authorization.js';
import { networkAddress } from './network-address.js';

/** Undefined where there is none. */
export function authorizeDoor(
  authorization: Authorization | undefined,
  trustProxy: boolean,
): ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined {
  if (authorization === undefined) return undefined;
  return (request, response) => {
    const requestId = String(response.getHeader('x-request-id') ?? '');
    return authorization.serve(request, response, { requestId, ...networkAddress(request, trustProxy) });
  };
}
