/**
 * Issues and refusals. Parsers and validators return Issue[]; what cannot go on throws one Refusal, which is
 * rendered as an OperationOutcome in one place.
 * https://hl7.org/fhir/R4/operationoutcome.html
 *
 * Invariant: texts name the thing and the way out, and carry no patient data (no values of resources).
 */
import type { JsonObject } from './format/json.js';

export type IssueSeverity = 'fatal' | 'error' | 'warning' | 'information';

/** https://hl7.org/fhir/R4/valueset-issue-type.html */
export type IssueCode =
  | 'invalid'
  | 'structure'
  | 'required'
  | 'value'
  | 'invariant'
  | 'security'
  | 'login'
  | 'unknown'
  | 'expired'
  | 'forbidden'
  | 'suppressed'
  | 'processing'
  | 'not-supported'
  | 'duplicate'
  | 'multiple-matches'
  | 'not-found'
  | 'deleted'
  | 'too-long'
  | 'code-invalid'
  | 'extension'
  | 'too-costly'
  | 'business-rule'
  | 'conflict'
  | 'transient'
  | 'lock-error'
  | 'no-store'
  | 'exception'
  | 'timeout'
  | 'incomplete'
  | 'throttled'
  | 'informational';

export interface Issue {
  readonly severity: IssueSeverity;
  readonly code: IssueCode;
  /** One sentence: what is wrong, where, what to do. */
  readonly text: string;
  /** FHIRPath expressions of the elements concerned. */
  readonly expression?: readonly string[];
  readonly diagnostics?: string;
}

/**
 * The catalogue of refusals: kind → HTTP status and default issue code. A kind is the stable name that tests,
 * logs and metrics use.
 */
export const REFUSALS = {
  'malformed-json': [400, 'structure'],
  'malformed-request': [400, 'invalid'],
  'invalid-resource': [400, 'structure'],
  'invalid-parameter': [400, 'invalid'],
  'unknown-parameter': [400, 'not-supported'],
  'id-mismatch': [400, 'value'],
  'id-invalid': [400, 'value'],
  'type-mismatch': [400, 'structure'],
  'cursor-invalid': [400, 'invalid'],
  'patch-invalid': [400, 'invalid'],
  'patch-failed': [422, 'processing'],
  'transaction-invalid': [400, 'invalid'],
  'condition-ambiguous': [412, 'multiple-matches'],
  'condition-missing': [412, 'conflict'],
  'reference-missing': [400, 'not-found'],
  'authentication-required': [401, 'login'],
  forbidden: [403, 'forbidden'],
  'origin-forbidden': [403, 'forbidden'],
  'unknown-type': [404, 'not-supported'],
  'unknown-route': [404, 'not-found'],
  'unknown-operation': [404, 'not-supported'],
  'not-found': [404, 'not-found'],
  deleted: [410, 'deleted'],
  'method-not-allowed': [405, 'not-supported'],
  'not-acceptable': [406, 'not-supported'],
  'version-conflict': [409, 'conflict'],
  'precondition-failed': [412, 'conflict'],
  'too-large': [413, 'too-long'],
  'uri-too-long': [414, 'too-long'],
  'unsupported-media-type': [415, 'not-supported'],
  'range-not-satisfiable': [416, 'invalid'],
  'misdirected-host': [421, 'security'],
  unprocessable: [422, 'processing'],
  'too-many-requests': [429, 'throttled'],
  'headers-too-large': [431, 'too-long'],
  'internal-error': [500, 'exception'],
  'not-implemented': [501, 'not-supported'],
  unavailable: [503, 'transient'],
  'store-full': [507, 'no-store'],
  'too-costly': [503, 'too-costly'],
  'timed-out': [408, 'timeout'],
} as const satisfies Record<string, readonly [status: number, code: IssueCode]>;

export type RefusalKind = keyof typeof REFUSALS;

/** Thrown when a request cannot go on. `status` and the issues' code default from the catalogue. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly issues: readonly Issue[];

  constructor(
    readonly kind: RefusalKind,
    problem: string | readonly Issue[],
    /** Response headers that belong to the refusal (Allow, Retry-After, ETag …). */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    const [status, code] = REFUSALS[kind];
    const issues: readonly Issue[] =
      typeof problem === 'string' ? [{ severity: 'error', code, text: problem }] : problem;
    super(issues[0]?.text ?? kind);
    this.status = status;
    this.issues = issues;
  }
}

/** The OperationOutcome resource of some issues; an empty list says that all is well. */
export function operationOutcome(issues: readonly Issue[]): JsonObject {
  const listed: readonly Issue[] =
    issues.length > 0 ? issues : [{ severity: 'information', code: 'informational', text: 'All OK' }];
  return {
    resourceType: 'OperationOutcome',
    issue: listed.map((issue) => ({
      severity: issue.severity,
      code: issue.code,
      details: { text: issue.text },
      ...(issue.diagnostics === undefined ? {} : { diagnostics: issue.diagnostics }),
      ...(issue.expression === undefined ? {} : { expression: [...issue.expression] }),
    })),
  };
}
