/**
 * One request over a connection of its own, to an address that was checked.
 * https://www.rfc-editor.org/rfc/rfc9110
 *
 * Invariant: the name is looked up once; the connection goes to what was checked then, so a name that changes its address
 * meanwhile gains nothing. The answer's body is never longer than allowed and never later than the deadline.
 */
import { promises as dns, type LookupAddress, type LookupOptions } from 'node:dns';
import {
  type ClientRequest,
  type IncomingMessage,
  request as plainRequest,
  type RequestOptions,
} from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import { FetchError } from './fetch-error.js';
import { checkAddresses, type FetchPolicy, hostOf } from './policy.js';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/** The addresses of a name. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export const systemResolve: Resolve = (host) => dns.lookup(host, { all: true, verbatim: true });

export interface Outgoing {
  readonly url: URL;
  readonly method: Method;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly maxBytes: number;
  /** The answer may come gzipped, and is handed over as it came. */
  readonly gzip: boolean;
  /** Aborts with a FetchError at the deadline. */
  readonly signal: AbortSignal;
}

export interface Incoming {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Read once; throws FetchError `too-large`, `timed-out`, `failed`. */
  readonly body: AsyncIterable<Buffer>;
  /** For whoever does not read the body. */
  discard(): void;
}

export interface Ways {
  readonly policy: FetchPolicy;
  readonly resolve: Resolve;
  /** PEM of authorities to trust instead of the usual ones. */
  readonly ca?: string;
}

export async function exchange(outgoing: Outgoing, ways: Ways): Promise<Incoming> {
  const { url, signal } = outgoing;
  const host = hostOf(url);
  const addresses = await within(signal, addressesOf(host, ways.resolve));
  checkAddresses(
    host,
    addresses.map(({ address }) => address),
    ways.policy,
  );
  const answer = await send(outgoing, host, addresses, ways);
  return incomingOf(answer, outgoing, host);
}

async function addressesOf(host: string, resolve: Resolve): Promise<readonly LookupAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  let found: readonly LookupAddress[];
  try {
    found = await resolve(host);
  } catch (error) {
    throw new FetchError('failed', `${host} cannot be found (${codeOf(error)}).`, { cause: error });
  }
  if (found.length === 0) throw new FetchError('failed', `${host} has no address.`);
  return found;
}

function send(
  { url, method, headers, body, gzip, signal }: Outgoing,
  host: string,
  addresses: readonly LookupAddress[],
  { ca }: Ways,
): Promise<IncomingMessage> {
  const options: RequestOptions & { readonly ca?: string } = {
    method,
    headers: {
      ...headers,
      'accept-encoding': gzip ? 'gzip, identity' : 'identity',
      ...(body === undefined ? {} : { 'content-length': String(body.length) }),
    },
    agent: false,
    signal,
    lookup: pinned(addresses),
    ...(ca === undefined ? {} : { ca }),
  };
  return new Promise((resolve, reject) => {
    const request: ClientRequest =
      url.protocol === 'https:' ? secureRequest(url, options) : plainRequest(url, options);
    request.on('response', resolve);
    request.on('error', (error) => reject(failure(error, host, signal)));
    request.end(body);
  });
}

/** node:net asks for one address or for all; there are none but those that were checked. */
function pinned(addresses: readonly LookupAddress[]): NonNullable<RequestOptions['lookup']> {
  return (_host: string, options: LookupOptions, done) => {
    const [first] = addresses as readonly [LookupAddress]; // exchange() has looked that there is one
    if (options.all === true) done(null, [...addresses]);
    else done(null, first.address, first.family);
  };
}

function incomingOf(
  answer: IncomingMessage,
  { method, maxBytes, gzip, signal }: Outgoing,
  host: string,
): Incoming {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const declared = Number(headers['content-length'] ?? 0);
  const coding = headers['content-encoding'] ?? 'identity';
  const isReadable = coding === 'identity' || (gzip && /^(x-)?gzip$/i.test(coding));
  if (method !== 'HEAD' && (declared > maxBytes || !isReadable)) {
    answer.destroy();
    if (declared > maxBytes) throw tooLarge(host, maxBytes);
    throw new FetchError('failed', `${host} answered in a content coding that was not asked for.`);
  }
  return {
    status: answer.statusCode ?? 0,
    headers,
    body: limited(answer, host, maxBytes, signal),
    discard: () => answer.destroy(),
  };
}

async function* limited(
  answer: IncomingMessage,
  host: string,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let length = 0;
  try {
    for await (const chunk of answer) {
      const bytes = chunk as Buffer; // no encoding was set
      length += bytes.length;
      if (length > maxBytes) throw tooLarge(host, maxBytes);
      yield bytes;
    }
  } catch (error) {
    throw failure(error, host, signal);
  } finally {
    answer.destroy();
  }
}

function tooLarge(host: string, maxBytes: number): FetchError {
  return new FetchError('too-large', `The answer of ${host} is longer than ${maxBytes} bytes.`);
}

function failure(error: unknown, host: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof FetchError) return error;
  return new FetchError('failed', `${host} cannot be reached or broke off (${codeOf(error)}).`, {
    cause: error,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown cause';
}

/** What came of it, or the signal's reason. */
export function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
