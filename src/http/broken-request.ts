/**
 * Answers to what is no HTTP request, or too large or too slow to become one: written to the bare socket, which then
 * closes.
 * https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { serialise } from '../fhir/format/serialise.js';
import { operationOutcome, Refusal } from '../fhir/outcome.js';

/** By the code of node:http's error; others are malformed requests. */
const BY_CODE: Readonly<Record<string, () => Refusal>> = {
  HPE_HEADER_OVERFLOW: () =>
    new Refusal(
      'headers-too-large',
      'URL and headers together are larger than this server takes: send less of them.',
    ),
  ERR_HTTP_REQUEST_TIMEOUT: () =>
    new Refusal(
      'timed-out',
      'The request did not arrive in time: send it again over a faster line, or in parts.',
    ),
};

/** Undefined where no one is left to answer. */
export function refusalOf(error: NodeJS.ErrnoException): Refusal | undefined {
  const { code = '' } = error;
  if (code === 'ECONNRESET' || code === 'EPIPE') return undefined;
  return (
    BY_CODE[code]?.() ??
    new Refusal(
      'malformed-request',
      'This is not an HTTP/1.1 request: the line was cut after what could be read.',
    )
  );
}

export function answerRaw(socket: Duplex, { status, issues, headers }: Refusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = serialise(operationOutcome(issues));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/fhir+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
