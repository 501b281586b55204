/**
 * A header of a request, looked up in the list as it came in. node:http's `headers` builds an object of all of them at
 * the first look; a read wants a handful of headers, most of which are not there, and the list is short.
 * https://www.rfc-editor.org/rfc/rfc9110#section-5.2
 *
 * Invariant: what is sent more than once reads as node:http reads it: joined by commas, or the first alone where the
 * specification allows one.
 */
import type { IncomingMessage } from 'node:http';

/** `name` in lower case. */
export function headerOf(incoming: IncomingMessage, name: string): string | undefined {
  const list = incoming.rawHeaders;
  let found: string | undefined;
  for (let index = 0; index < list.length; index += 2) {
    if (!isNamed(list[index], name)) continue;
    if (found !== undefined) return joined(incoming, name);
    found = list[index + 1];
  }
  return found;
}

export function countHeader(incoming: IncomingMessage, name: string): number {
  const list = incoming.rawHeaders;
  let count = 0;
  for (let index = 0; index < list.length; index += 2) if (isNamed(list[index], name)) count += 1;
  return count;
}

/** The lengths differ for most, and comparing them costs nothing. */
function isNamed(sent: string | undefined, name: string): boolean {
  return sent !== undefined && sent.length === name.length && (sent === name || sent.toLowerCase() === name);
}

function joined(incoming: IncomingMessage, name: string): string | undefined {
  const value = incoming.headers[name];
  return typeof value === 'object' ? value.join(', ') : value;
}

/** The URL of a request as to a proxy outweighs its Host. */
export function replaceHost(incoming: IncomingMessage, host: string): void {
  const list = incoming.rawHeaders;
  for (let index = 0; index < list.length; index += 2) {
    if (isNamed(list[index], 'host')) list[index + 1] = host;
  }
  incoming.headers.host = host;
}
