/**
 * A FhirResponse on its way to the socket.
 * https://hl7.org/fhir/R4/http.html#mime-type, https://www.rfc-editor.org/rfc/rfc9110#section-6.4
 *
 * Invariant: stored bytes go out uncopied and unparsed where they are one piece; answers may hold patient data, so none is
 * stored by caches on the way. Content-Length tells what is sent, but for a stream that is compressed on its way.
 */
import type { ServerResponse } from 'node:http';
import type { BodyStream, FhirResponse } from '../interactions/response.js';
import {
  COMPRESSION_THRESHOLD,
  type Coding,
  compress,
  compressing,
  preferredCoding,
} from './content-coding.js';
import type { Flight } from './flight.js';
import { headerOf } from './header.js';

const FHIR_JSON = 'application/fhir+json; charset=utf-8';
/** Pieces up to this many bytes together are joined: a copy is cheaper than a system call's list of buffers. */
const JOINED_BYTES = 256 * 1024;
/** How long the rest of a body that nobody wants is read, so that its sender gets to read the answer. */
const LINGER_MILLISECONDS = 1000;
const NO_BODY: readonly Buffer[] = [];

export interface AnswerLimits {
  /** Milliseconds that a client may take nothing. */
  readonly sendTimeLimit: number;
}

/** Resolves with the bytes of the body sent, at once where nothing has to be waited for. */
export function sendAnswer(
  flight: Flight,
  response: FhirResponse,
  limits: AnswerLimits,
): number | Promise<number> {
  if (response.stream !== undefined) return sendStream(flight, response, response.stream, limits);
  const body = response.body ?? NO_BODY;
  let length = 0;
  for (const piece of body) length += piece.length;
  if (length >= COMPRESSION_THRESHOLD && isText(response.headers['content-type'])) {
    return sendLong(flight, response, body, length, limits);
  }
  return sendAsItIs(flight, response, body, length, limits, undefined);
}

function sendLong(
  flight: Flight,
  response: FhirResponse,
  body: readonly Buffer[],
  length: number,
  limits: AnswerLimits,
): number | Promise<number> {
  const asked = headerOf(flight.incoming, 'accept-encoding');
  const coding = asked === undefined ? undefined : preferredCoding(asked);
  if (coding === undefined || flight.incoming.method === 'HEAD') {
    return sendAsItIs(flight, response, body, length, limits, {
      varies: true,
      wouldCompress: coding !== undefined,
    });
  }
  return sendCompressed(flight, response, body, length, coding, limits);
}

async function sendCompressed(
  flight: Flight,
  response: FhirResponse,
  body: readonly Buffer[],
  length: number,
  coding: Coding,
  limits: AnswerLimits,
): Promise<number> {
  const bytes = await compress(joined(body, length), coding);
  return sendAsItIs(flight, response, [bytes], bytes.length, limits, { varies: true, coding });
}

/** What compression has to do with an answer. */
interface Form {
  readonly varies: boolean;
  readonly coding?: Coding;
  /** An answer to HEAD whose GET would be compressed: its length is not known. */
  readonly wouldCompress?: boolean;
}

function sendAsItIs(
  flight: Flight,
  response: FhirResponse,
  body: readonly Buffer[],
  length: number,
  limits: AnswerLimits,
  form: Form | undefined,
): number | Promise<number> {
  const { incoming, outgoing } = flight;
  if (outgoing.destroyed || outgoing.headersSent) return 0;
  const unread = hasUnreadBody(flight);
  if (unread) outgoing.shouldKeepAlive = false;
  outgoing.writeHead(response.status, headerList(flight, response, length, form));
  const sent = incoming.method === 'HEAD' ? NO_BODY : body;
  if (unread) return lingering(flight, sent, length);
  if (length > JOINED_BYTES && sent.length > 0) return sendPieces(outgoing, sent, length, limits);
  if (sent.length === 0) outgoing.end();
  else outgoing.end(joined(sent, length));
  watchSlowClient(outgoing, limits);
  return sent.length === 0 ? 0 : length;
}

/** Flat name, value, name, value: node:http writes it as it is. */
function headerList(
  flight: Flight,
  { status, headers, body, stream }: FhirResponse,
  length: number,
  form: Form | undefined,
): string[] {
  const list = [
    'x-request-id',
    flight.requestId,
    'cache-control',
    'no-store',
    'x-content-type-options',
    'nosniff',
  ];
  if (body !== undefined || stream !== undefined) {
    if (headers['content-type'] === undefined) list.push('content-type', FHIR_JSON);
    if (form?.wouldCompress !== true) list.push('content-length', String(length));
  } else if (status >= 200 && status !== 204 && status !== 304) {
    list.push('content-length', '0');
  }
  for (const name in headers) list.push(name, headers[name] as string); // its own name
  if (form !== undefined || flight.crossOrigin !== undefined) addForm(list, flight, form);
  return list;
}

function addForm(list: string[], { crossOrigin }: Flight, form: Form | undefined): void {
  if (form?.coding !== undefined) list.push('content-encoding', form.coding);
  if (form?.varies === true) list.push('vary', 'Accept-Encoding');
  if (crossOrigin !== undefined)
    for (const [name, value] of Object.entries(crossOrigin)) list.push(name, value);
}

function isText(contentType: string | undefined): boolean {
  return contentType === undefined || /^text\/|json|xml/.test(contentType);
}

function joined(pieces: readonly Buffer[], length: number): Buffer {
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, length); // length is 1
}

/** Larger answers go out as the client takes them. */
async function sendPieces(
  outgoing: ServerResponse,
  pieces: readonly Buffer[],
  length: number,
  { sendTimeLimit }: AnswerLimits,
): Promise<number> {
  outgoing.socket?.setTimeout(sendTimeLimit);
  for (const chunk of chunks(pieces)) {
    if (outgoing.destroyed) return 0;
    if (!outgoing.write(chunk)) await drainedOrClosed(outgoing);
  }
  outgoing.end();
  return length;
}

/** Read as the client takes it; a range goes out as it is, for its numbers are of the file's bytes. */
async function sendStream(
  flight: Flight,
  response: FhirResponse,
  stream: BodyStream,
  { sendTimeLimit }: AnswerLimits,
): Promise<number> {
  const { incoming, outgoing } = flight;
  if (outgoing.destroyed || outgoing.headersSent) return 0;
  const asked = headerOf(incoming, 'accept-encoding');
  const mayCompress = response.status === 200 && stream.length >= COMPRESSION_THRESHOLD;
  const coding = mayCompress && asked !== undefined ? preferredCoding(asked) : undefined;
  const isHead = incoming.method === 'HEAD';
  const form: Form = {
    varies: true,
    ...(coding === undefined ? {} : { wouldCompress: true }),
    ...(coding === undefined || isHead ? {} : { coding }),
  };
  outgoing.writeHead(response.status, headerList(flight, response, stream.length, form));
  if (isHead) {
    outgoing.end();
    return 0;
  }
  outgoing.socket?.setTimeout(sendTimeLimit);
  let sent = 0;
  for await (const chunk of coding === undefined ? stream.read() : compressing(stream.read(), coding)) {
    if (outgoing.destroyed) return sent;
    sent += chunk.length;
    if (!outgoing.write(chunk)) await drainedOrClosed(outgoing);
  }
  outgoing.end();
  return sent;
}

function drainedOrClosed(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done).off('close', done);
      resolve();
    };
    if (outgoing.destroyed) resolve();
    else outgoing.on('drain', done).on('close', done);
  });
}

/** The pieces joined to chunks of a good size. */
function* chunks(pieces: readonly Buffer[]): Generator<Buffer> {
  let waiting: Buffer[] = [];
  let length = 0;
  for (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length < JOINED_BYTES) continue;
    yield joined(waiting, length);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield joined(waiting, length);
}

/** node:http takes this limit back when the answer is out and the connection waits for the next request. */
function watchSlowClient(outgoing: ServerResponse, { sendTimeLimit }: AnswerLimits): void {
  const { socket } = outgoing;
  if (socket !== null && socket.writableLength > 0) socket.setTimeout(sendTimeLimit);
}

function hasUnreadBody({ incoming }: Flight): boolean {
  if (incoming.complete) return false;
  const { headers } = incoming;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * The answer to a request whose body was not read to its end: closing at once would make the client's system throw the
 * answer away together with what it could not send. So the answer goes out, the rest is read for a moment and dropped,
 * and then the connection closes.
 */
function lingering({ incoming, outgoing }: Flight, body: readonly Buffer[], length: number): number {
  // Whoever waits for leave to send (Expect) and does not get it has nothing on the way.
  if (incoming.headers.expect !== undefined && incoming.readableFlowing === null) {
    outgoing.end(joined(body, length));
    return length;
  }
  for (const piece of body) outgoing.write(piece);
  const close = (): void => {
    clearTimeout(timer);
    outgoing.end();
  };
  const timer = setTimeout(() => {
    outgoing.end(() => incoming.destroy());
  }, LINGER_MILLISECONDS);
  incoming.on('error', close).on('end', close).on('close', close).resume();
  return length;
}
