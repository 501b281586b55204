/**
 * Counts requests and their durations by interaction and class of status, in plain arrays: what a read costs must not be
 * spent on counting it.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * Invariant: labels are names of interactions and routes of ours, so their number is bounded and they say nothing about
 * patients.
 */

/** Upper bounds in seconds. */
const BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const CLASSES: readonly string[] = ['1xx', '2xx', '3xx', '4xx', '5xx'];

interface Series {
  /** One per bound, and one for what took longer. */
  readonly buckets: Float64Array;
  sum: number;
}

/** In the shape in which prom-client hands metrics between processes. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly MetricValue[];
}

export interface MetricValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = 'fairway_http_request_duration_seconds';

export class RequestMeter {
  readonly #byRoute = new Map<string, (Series | undefined)[]>();

  count(route: string, status: number, seconds: number): void {
    let classes = this.#byRoute.get(route);
    if (classes === undefined) {
      classes = [];
      this.#byRoute.set(route, classes);
    }
    const index = Math.floor(status / 100) - 1;
    let series = classes[index];
    if (series === undefined) {
      series = { buckets: new Float64Array(BOUNDS.length + 1), sum: 0 };
      classes[index] = series;
    }
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > (BOUNDS[bucket] as number)) bucket++; // below the length
    (series.buckets[bucket] as number) += 1; // one more bucket than bounds
    series.sum += seconds;
  }

  family(): MetricFamily {
    const values: MetricValue[] = [];
    for (const [interaction, classes] of this.#byRoute) {
      classes.forEach((series, index) => {
        if (series !== undefined)
          values.push(...exposed(series, { interaction, status: CLASSES[index] ?? 'other' }));
      });
    }
    const help = 'Requests by interaction and class of status, and how long their answers took.';
    return { name: NAME, help, type: 'histogram', aggregator: 'sum', values };
  }
}

function exposed({ buckets, sum }: Series, labels: Readonly<Record<string, string>>): MetricValue[] {
  let count = 0;
  const values = Array.from(buckets, (inBucket, index) => {
    count += inBucket;
    const bound = BOUNDS[index];
    const le = bound === undefined ? '+Inf' : String(bound);
    return { metricName: `${NAME}_bucket`, labels: { le, ...labels }, value: count };
  });
  return [
    ...values,
    { metricName: `${NAME}_sum`, labels, value: sum },
    { metricName: `${NAME}_count`, labels, value: count },
  ];
}
