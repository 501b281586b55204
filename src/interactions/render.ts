/**
 * Errors as answers: a Refusal becomes its OperationOutcome; anything else is a defect of ours, whose answer carries the
 * request id alone while the log carries the rest.
 * https://hl7.org/fhir/R4/http.html#Status-Codes
 *
 * Invariant: no stack, no message of an unknown error and no patient data in an answer or in the log.
 */
import { InvariantError } from '../base/assert.js';
import type { Logger } from '../base/log.js';
import { serialise } from '../fhir/format/serialise.js';
import { type Issue, operationOutcome, Refusal } from '../fhir/outcome.js';
import type { FhirResponse } from './response.js';

export interface RenderContext {
  readonly requestId: string;
  readonly log: Logger;
}

export function renderRefusal(error: unknown, context: RenderContext): FhirResponse {
  const refusal = error instanceof Refusal ? error : unexpected(error, context);
  return { ...outcomeResponse(refusal.status, refusal.issues), headers: refusal.headers };
}

/** An OperationOutcome as a whole answer. */
export function outcomeResponse(status: number, issues: readonly Issue[]): FhirResponse {
  return { status, headers: {}, body: [Buffer.from(serialise(operationOutcome(issues)))] };
}

function unexpected(error: unknown, { requestId, log }: RenderContext): Refusal {
  log.error({ requestId, error: className(error), stack: frames(error) }, 'unexpected error');
  return new Refusal(
    'internal-error',
    `Something went wrong inside the server. The log has the details under request id ${requestId}.`,
  );
}

function className(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

/** Frames say where; the message of an error that is not ours might quote a resource, so it is left out. */
function frames(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const places = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const said = error instanceof InvariantError ? [error.message] : [];
  return [...said, ...places.map((line) => line.trim())].join('\n');
}
