/** A load of equal requests by autocannon, and what it cost the server. */
import autocannon from 'autocannon';
import type { ServerProcess } from '../processes.js';
import { cpuSeconds } from './measure.js';

export interface LoadResult {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  /** Milliseconds. */
  readonly p99: number;
  readonly failed: number;
}

export async function load(
  server: ServerProcess,
  path: string,
  options: {
    readonly seconds: number;
    readonly connections: number;
    readonly method?: 'GET' | 'POST';
    readonly bodies?: readonly string[];
  },
): Promise<LoadResult> {
  const before = cpuSeconds(server.pid);
  const started = performance.now();
  const requests = options.bodies?.map((body) => ({ body }));
  const result = await autocannon({
    url: server.url + path,
    connections: options.connections,
    duration: options.seconds,
    method: options.method ?? 'GET',
    headers: options.method === 'POST' ? { 'content-type': 'application/fhir+json' } : {},
    ...(requests === undefined ? {} : { requests }),
  });
  const cpu = cpuSeconds(server.pid) - before;
  const done = result['2xx'];
  return {
    perSecond: done / ((performance.now() - started) / 1000),
    perCpuSecond: done / cpu,
    p99: result.latency.p99,
    failed: result.non2xx + result.errors,
  };
}
