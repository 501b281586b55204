/**
 * The body of a request: received within its limit, decompressed within its limit.
 * https://www.rfc-editor.org/rfc/rfc9110#section-8.4, https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
 *
 * Invariant: a body that says that it is too large is refused before a byte of it is read; one that grows too large, in
 * transfer or in decompression, is refused at the limit.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { Refusal } from '../fhir/outcome.js';
import type { BodyShare } from './body-budget.js';

type Decompress = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const CODINGS: ReadonlyMap<string, Decompress> = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/** The client went away before its request was whole: there is no one to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

export async function readBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  limit: number,
  share: BodyShare,
): Promise<Buffer | undefined> {
  const { headers } = incoming;
  const declared = headers['content-length'];
  if (declared === '0' || (declared === undefined && headers['transfer-encoding'] === undefined))
    return undefined;
  const decompress = decompression(headers['content-encoding']);
  if (declared !== undefined && Number(declared) > limit) throw tooLarge(limit);
  // Whoever waits for leave to send gets it only now that nothing speaks against it.
  if (headers.expect !== undefined && incoming.httpVersion === '1.1') outgoing.writeContinue();
  const bytes = await receive(incoming, limit, share);
  if (decompress === undefined) return bytes;
  const whole = await decompressed(bytes, decompress, limit);
  share.take(whole.length);
  return whole;
}

function decompression(header: string | undefined): Decompress | undefined {
  const coding = header?.trim().toLowerCase() ?? 'identity';
  if (coding === 'identity' || coding === '') return undefined;
  const decompress = CODINGS.get(coding);
  if (decompress !== undefined) return decompress;
  throw new Refusal(
    'unsupported-media-type',
    'This Content-Encoding is not understood: send the body as it is, or with gzip, deflate or br.',
    { 'accept-encoding': 'gzip, deflate, br' },
  );
}

function receive(incoming: IncomingMessage, limit: number, share: BodyShare): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (): void => {
      forget();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length)); // length is 1
    };
    const gone = (): void => {
      forget();
      reject(new ClientGone('the connection closed before the request was whole'));
    };
    const data = (chunk: Buffer): void => {
      chunks.push(chunk);
      length += chunk.length;
      try {
        if (length > limit) throw tooLarge(limit);
        share.take(chunk.length);
      } catch (refusal) {
        forget();
        incoming.pause();
        reject(refusal);
      }
    };
    const forget = (): void => {
      incoming.off('data', data).off('end', end).off('error', gone).off('close', gone);
      // An error that comes later has been answered already or concerns no one.
      incoming.on('error', () => undefined);
    };
    incoming.on('data', data).on('end', end).on('error', gone).on('close', gone);
  });
}

async function decompressed(bytes: Buffer, decompress: Decompress, limit: number): Promise<Buffer> {
  try {
    return await decompress(bytes, { maxOutputLength: limit });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(limit);
    throw new Refusal(
      'malformed-request',
      'The body is not what its Content-Encoding says: it cannot be decompressed.',
    );
  }
}

function tooLarge(limit: number): Refusal {
  return new Refusal(
    'too-large',
    `The body is larger than ${limit} bytes, which is what this server takes: send it in smaller parts, or set ` +
      'FAIRWAY_BODY_LIMIT.',
  );
}
