/**
 * Answers flights: once each, and tells who keeps count.
 *
 * Invariant: whatever goes wrong on the way out, the flight ends and is counted once.
 */
import type { Logger } from '../base/log.js';
import { renderRefusal } from '../interactions/render.js';
import type { FhirResponse } from '../interactions/response.js';
import { type AnswerLimits, sendAnswer } from './answer.js';
import type { Flight } from './flight.js';

/** Told once per request, when its answer is on its way; `bytes` of the body. */
export type OnAnswered = (flight: Flight, status: number, bytes: number) => void;

/** What logs and metrics say where the client left before its request was whole. */
const CLIENT_GONE = 499;

export class Responder {
  readonly #limits: AnswerLimits;
  readonly #log: Logger;
  readonly #onAnswered: OnAnswered;

  constructor(limits: AnswerLimits, log: Logger, onAnswered: OnAnswered) {
    this.#limits = limits;
    this.#log = log;
    this.#onAnswered = onAnswered;
  }

  /** Keeps silent where the flight was answered already. */
  send(flight: Flight, response: FhirResponse): void {
    if (flight.answered) return;
    flight.answered = true;
    let sent: number | Promise<number>;
    try {
      sent = sendAnswer(flight, response, this.#limits);
    } catch (error) {
      this.#failed(flight, error);
      return;
    }
    if (typeof sent === 'number') this.#onAnswered(flight, response.status, sent);
    else this.#await(flight, response.status, sent);
  }

  refuse(flight: Flight, error: unknown): void {
    if (!flight.answered) this.send(flight, this.#render(flight, error));
  }

  gone(flight: Flight): void {
    if (flight.answered) return;
    flight.answered = true;
    this.#onAnswered(flight, CLIENT_GONE, 0);
  }

  /** The application has written the answer itself. */
  answeredElsewhere(flight: Flight): void {
    if (flight.answered) return;
    flight.answered = true;
    const { outgoing } = flight;
    this.#onAnswered(flight, outgoing.writableFinished ? outgoing.statusCode : CLIENT_GONE, 0);
  }

  #await(flight: Flight, status: number, sent: Promise<number>): void {
    sent.then(
      (bytes) => this.#onAnswered(flight, status, bytes),
      (error: unknown) => this.#failed(flight, error),
    );
  }

  /** Such as a header that cannot be written: if nothing went out yet, the defect is confessed; else the line is cut. */
  #failed(flight: Flight, error: unknown): void {
    const confession = this.#render(flight, error);
    if (flight.outgoing.headersSent) flight.outgoing.destroy();
    else void sendAnswer(flight, { ...confession, headers: {} }, this.#limits);
    this.#onAnswered(flight, confession.status, 0);
  }

  #render(flight: Flight, error: unknown): FhirResponse {
    return renderRefusal(error, { requestId: flight.requestId, log: this.#log });
  }
}
