/** A load of requests by autocannon, and what it cost the server. */
import autocannon from 'autocannon';
import type { ServerProcess } from '../processes.js';
import { cpuSeconds } from './measure.js';

/** One request; those of a load are sent in turn by each connection. */
export interface Sent {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: string;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly failed: number;
}

export async function load(
  server: ServerProcess,
  options: {
    readonly seconds: number;
    readonly connections: number;
    readonly requests: readonly Sent[];
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<LoadResult> {
  const before = cpuSeconds(server.pid);
  const started = performance.now();
  const [only, ...others] = options.requests;
  const isOneRead = only?.method === 'GET' && others.length === 0;
  const result = await autocannon({
    url: server.url + (isOneRead ? only.path : ''),
    connections: options.connections,
    duration: options.seconds,
    headers: { ...options.headers },
    // Reads are cheap: it takes two generators to keep a server busy, and one that waits wakes for each request alone.
    ...(isOneRead ? { workers: 2 } : { setupClient }),
  });
  const cpu = cpuSeconds(server.pid) - before;
  const done = result['2xx'];
  return {
    perSecond: done / ((performance.now() - started) / 1000),
    perCpuSecond: done / cpu,
    failed: result.non2xx + result.errors,
  };

  function setupClient(client: autocannon.Client): void {
    // Each connection begins at another request: writers of one resource would only wait for each other.
    client.setRequests(rotated(options.requests).map(sendable));
  }
}

let turn = 0;

function rotated(requests: readonly Sent[]): readonly Sent[] {
  const start = (turn++ * 3) % requests.length;
  return [...requests.slice(start), ...requests.slice(0, start)];
}

function sendable({ method, path, body }: Sent): autocannon.Request {
  return body === undefined
    ? { method, path }
    : { method, path, body, headers: { 'content-type': 'application/fhir+json' } };
}
