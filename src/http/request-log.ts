/**
 * What is said of a request when its answer is on its way: always to the meter; to the log where it was slow or the
 * server failed, and every one at level debug, because a line per request halves the throughput.
 *
 * Invariant: method, interaction, status, time, bytes and request id, and nothing else: no URL, no id, no value.
 */
import type { Logger } from '../base/log.js';
import type { Flight, Flights } from './flight.js';
import type { RequestMeter } from './request-meter.js';
import type { OnAnswered } from './responder.js';

export interface RequestLogParts {
  readonly log: Logger & { readonly everyRequest: boolean };
  readonly meter: RequestMeter;
  readonly flights: Flights;
}

const SLOW_MILLISECONDS = 1000;

export function onAnswered({ log, meter, flights }: RequestLogParts): OnAnswered {
  return (flight, status, bytes) => {
    flights.end(flight);
    const milliseconds = performance.now() - flight.started;
    meter.count(flight.route, status, milliseconds / 1000);
    if (status >= 500) log.error(fields(flight, status, bytes, milliseconds), 'request failed');
    else if (milliseconds > SLOW_MILLISECONDS)
      log.info(fields(flight, status, bytes, milliseconds), 'slow request');
    else if (log.everyRequest) log.debug(fields(flight, status, bytes, milliseconds), 'request');
  };
}

function fields(
  { incoming, requestId, route }: Flight,
  status: number,
  bytes: number,
  milliseconds: number,
): Record<string, string | number | undefined> {
  return {
    method: incoming.method,
    interaction: route,
    status,
    milliseconds: Math.round(milliseconds * 1000) / 1000,
    bytes,
    requestId,
  };
}
