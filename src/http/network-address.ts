/** Where a request came from, for the audit log. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { headerOf } from './header.js';

/**
 * The address of whoever connected; behind a proxy that is trusted, the one that the proxy added last to X-Forwarded-For: what
 * stands before it anybody can write.
 */
export function networkAddress(
  incoming: IncomingMessage,
  trustProxy: boolean,
): { readonly network?: string } {
  const forwarded = trustProxy ? headerOf(incoming, 'x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  const network =
    forwarded !== undefined && isIP(forwarded) !== 0 ? forwarded : incoming.socket.remoteAddress;
  return network === undefined ? {} : { network };
}
