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
  /** In the list of all flights. */
  place: number;
}

/** All flights of a server, each of which knows its place in the list: a read does not pay for hashing. */
export class Flights {
  readonly #all: Flight[] = [];
  #landing = false;

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
      place: this.#all.length,
    };
    if (this.#landing) outgoing.shouldKeepAlive = false;
    this.#all.push(flight);
    return flight;
  }

  /** The last one takes its place. */
  end(flight: Flight): void {
    if (this.#all[flight.place] !== flight) return;
    const last = this.#all[this.#all.length - 1] as Flight; // there is at least this one
    this.#all[flight.place] = last;
    last.place = flight.place;
    this.#all.pop();
  }

  land(): void {
    this.#landing = true;
    for (const { outgoing } of this.#all) outgoing.shouldKeepAlive = false;
  }

  overdue(now: number): readonly Flight[] {
    return this.#all.filter((flight) => flight.due < now);
  }

  on(socket: Duplex): Flight | undefined {
    return this.#all.find((flight) => flight.incoming.socket === socket);
  }
}

const UNKNOWN_SITE: Site = { host: '', secure: false };
