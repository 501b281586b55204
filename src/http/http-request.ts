/** An HTTP request as interactions see it. */
import type { IncomingMessage } from 'node:http';
import type { FhirRequest, QueryPair } from '../interactions/request.js';
import { headerOf } from './header.js';

export class HttpFhirRequest implements FhirRequest {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: readonly QueryPair[];
  readonly body?: Buffer;
  readonly #incoming: IncomingMessage;

  constructor(
    incoming: IncomingMessage,
    path: readonly string[],
    query: readonly QueryPair[],
    body: Buffer | undefined,
  ) {
    const { method = 'GET' } = incoming;
    this.method = method === 'HEAD' ? 'GET' : method;
    this.path = path;
    this.query = query;
    if (body !== undefined) this.body = body;
    this.#incoming = incoming;
  }

  header(name: string): string | undefined {
    return headerOf(this.#incoming, name);
  }
}
