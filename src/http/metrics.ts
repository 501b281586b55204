/**
 * What /metrics says: the requests and the process, of this process or added up over all workers. Loaded when it is
 * first asked for.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';
import type { RequestMeter } from './request-meter.js';

export interface Metrics {
  /** This process's metrics, as they travel to the primary. */
  families(): Promise<object[]>;
  /** This process's metrics as text. */
  text(): Promise<string>;
}

export function openMetrics(meter: RequestMeter): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return {
    families: async () => [...(await register.getMetricsAsJSON()), meter.family()],
    text: async () => `${await register.metrics()}\n${await aggregatedText([[meter.family()]])}`,
  };
}

/** The text of several processes' metrics, added up. */
export function aggregatedText(processes: readonly object[][]): Promise<string> {
  return AggregatorRegistry.aggregate([...processes]).metrics();
}
