/**
 * Leads flights into the express application, which is loaded when the first one comes: a server that only speaks FHIR
 * never pays for it.
 */

import type { IncomingMessage } from 'node:http';
import type { Express } from 'express';
import type { ApplicationParts } from './application.js';
import type { Flight } from './flight.js';
import type { Responder } from './responder.js';

export interface ApplicationsParts
  extends Pick<ApplicationParts, 'facts' | 'metrics' | 'secure' | 'authorize' | 'administer'> {
  readonly responder: Responder;
}

export class Applications {
  readonly #parts: ApplicationsParts;
  readonly #flights = new WeakMap<IncomingMessage, Flight>();
  #app: Promise<Express> | undefined;

  constructor(parts: ApplicationsParts) {
    this.#parts = parts;
  }

  serve(flight: Flight): void {
    const { incoming, outgoing } = flight;
    this.#flights.set(incoming, flight);
    outgoing.setHeader('x-request-id', flight.requestId);
    outgoing.once('close', () => this.#parts.responder.answeredElsewhere(flight));
    this.#app ??= this.#load();
    this.#app.then(
      (app) => app(incoming, outgoing),
      (error: unknown) => this.#parts.responder.refuse(flight, error),
    );
  }

  async #load(): Promise<Express> {
    const { application } = await import('./application.js');
    return application({
      ...this.#parts,
      onRoute: (request, route) => {
        const flight = this.#flights.get(request);
        if (flight !== undefined) flight.route = route;
      },
      refuse: (request, error) => {
        const flight = this.#flights.get(request);
        if (flight !== undefined) this.#parts.responder.refuse(flight, error);
      },
    });
  }
}
