/**
 * /healthz: the process is alive. /readyz: it answers requests: the store is there and the server is not stopping.
 * Apart from the application, so that they are quick from the first moment and depend on nothing.
 */

import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import type { FhirResponse } from '../interactions/response.js';
import type { Flight } from './flight.js';
import type { Responder } from './responder.js';

export interface Probes {
  /** Whether the store answers, and what else there is to say of the start, by name. */
  readonly readiness: () => Promise<Readiness>;
}

export interface Readiness {
  readonly ready: boolean;
  readonly notes: Readonly<Record<string, string>>;
}

/** False where the URL is no probe. */
export function probe(
  flight: Flight,
  url: string,
  stopping: boolean,
  probes: Probes,
  responder: Responder,
): boolean {
  const name = url.split('?', 1)[0];
  if (name !== '/healthz' && name !== '/readyz') return false;
  const { method } = flight.incoming;
  if (method !== 'GET' && method !== 'HEAD') {
    throw new Refusal('method-not-allowed', `${method} is not for this path, which takes GET, HEAD.`, {
      allow: 'GET, HEAD',
    });
  }
  flight.route = name.slice(1);
  if (name === '/healthz') responder.send(flight, state(200, { status: 'alive' }));
  else if (stopping) responder.send(flight, state(503, { status: 'stopping' }));
  else void answerReadiness(flight, probes, responder);
  return true;
}

async function answerReadiness(flight: Flight, probes: Probes, responder: Responder): Promise<void> {
  try {
    const { ready, notes } = await probes.readiness();
    responder.send(flight, state(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...notes }));
  } catch (error) {
    responder.refuse(flight, error);
  }
}

function state(status: number, facts: Record<string, string>): FhirResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: [Buffer.from(serialise(facts))] };
}
