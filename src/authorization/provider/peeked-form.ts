/**
 * A form that is looked at before oidc-provider reads it from the request itself.
 * https://nodejs.org/api/stream.html#readableunshiftchunk
 *
 * Invariant: whoever reads the request afterwards finds the form from its beginning.
 */
import type { IncomingMessage } from 'node:http';

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;
/** oidc-provider takes no more. */
const MAX_BYTES = 56 * 1024;

/** Undefined where it is none, does not say how long it is, or is too long. Rejects where the client leaves. */
export async function peekForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const { 'content-type': type = '', 'content-length': length } = request.headers;
  const size = Number(length);
  if (!FORM.test(type) || !(size > 0 && size <= MAX_BYTES)) return undefined;
  return new URLSearchParams((await peekBytes(request)).toString('utf8'));
}

/** Puts another form in the place of the one that was looked at. */
export function putForm(request: IncomingMessage, form: URLSearchParams): void {
  const bytes = Buffer.from(form.toString());
  request.read();
  request.unshift(bytes);
  request.headers['content-length'] = String(bytes.length);
}

/** Puts all back in the turn in which it was read: only so long the end of the request has not been told. */
function peekBytes(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      request.off('readable', look).off('error', failed).off('close', gone);
    };
    const failed = (error: Error): void => {
      stop();
      reject(error);
    };
    const gone = (): void => failed(new Error('the client has left'));
    const look = (): void => {
      for (let piece = request.read(); piece !== null; piece = request.read()) pieces.push(piece as Buffer);
      if (!request.complete) return;
      stop();
      const bytes = Buffer.concat(pieces);
      request.unshift(bytes);
      resolve(bytes);
    };
    request.on('readable', look).once('error', failed).once('close', gone);
  });
}
