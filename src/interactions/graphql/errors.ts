/**
 * Errors of single fields, which stand beside the data.
 * https://hl7.org/fhir/R4/graphql.html#errors, https://spec.graphql.org/October2021/#sec-Errors
 */
import type { JsonArray, JsonValue } from '../../fhir/format/json.js';
import { type Issue, operationOutcome } from '../../fhir/outcome.js';
import { tooCostly } from './limits.js';

/** Where the answer is being written; put together when somebody asks for it. */
export interface AnswerPath {
  readonly step: string | number;
  readonly parent: AnswerPath | undefined;
}

/** Sooner than so many there are none that anyone would read. */
const MAX_ERRORS = 1000;

export class FieldErrors {
  readonly #errors: JsonArray = [];

  add(path: AnswerPath | undefined, issue: Issue): void {
    if (this.#errors.length >= MAX_ERRORS) throw tooCostly(`fails in more than ${MAX_ERRORS} places`);
    const outcome = operationOutcome([issue]);
    this.#errors.push({ message: issue.text, path: steps(path), extensions: { resource: outcome } });
  }

  get all(): JsonArray {
    return this.#errors;
  }
}

function steps(path: AnswerPath | undefined): JsonValue[] {
  const found: JsonValue[] = [];
  for (let at = path; at !== undefined; at = at.parent) found.unshift(at.step);
  return found;
}
