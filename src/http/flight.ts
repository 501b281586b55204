/**
 * A request in flight: from its arrival until its answer was handed to the socket.
 *
 * Invariant: a flight is answered once; whoever comes second finds `answered` true and keeps silent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CrossOriginHeaders, Site } from './gate.js';

export interface Flight {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly requestId: string;
  /** performance.now() milliseconds. */
  readonly started: number;
  /** Filled in by the gate. */
  site: Site;
  crossOrigin: CrossOriginHeaders | undefined;
  answered: boolean;
  /** performance.now() milliseconds by which the answer must be out; infinite while the request is still coming in. */
  due: number;
  /** For logs and metrics: the interaction's name or the application's route; never the path itself. */
  route: string;
}

/** All flights of a server. */
export class Flights {
  readonly #all = new Set<Flight>();
  #landing = false;

  get size(): number {
    return this.#all.size;
  }

  /** The server is stopping: no connection outlives its present request. */
  get landing(): boolean {
    return this.#landing;
  }

  begin(incoming: IncomingMessage, outgoing: ServerResponse, requestId: string): Flight {
    const flight: Flight = {
      incoming,
      outgoing,
      requestId,
      started: performance.now(),
      site: UNKNOWN_SITE,
      crossOrigin: undefined,
      answered: false,
      due: Number.POSITIVE_INFINITY,
      route: 'none',
    };
    if (this.#landing) outgoing.shouldKeepAlive = false;
    this.#all.add(flight);
    return flight;
  }

  end(flight: Flight): void {
    this.#all.delete(flight);
  }

  land(): void {
    this.#landing = true;
    for (const { outgoing } of this.#all) outgoing.shouldKeepAlive = false;
  }

  overdue(now: number): readonly Flight[] {
    const late: Flight[] = [];
    for (const flight of this.#all) if (flight.due < now) late.push(flight);
    return late;
  }

  on(socket: Duplex): Flight | undefined {
    for (const flight of this.#all) if (flight.incoming.socket === socket) return flight;
    return undefined;
  }
}

const UNKNOWN_SITE: Site = { host: '', secure: false };
