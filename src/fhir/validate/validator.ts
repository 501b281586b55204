/**
 * Structural validation: everything about a resource that its StructureDefinition decides without terminology servers
 * and FHIRPath.
 * https://hl7.org/fhir/R4/validation.html (Structure, Cardinality, Value Domains, required bindings)
 *
 *   Definitions ── type-schema ──▶ JSON Schema per type ── ajv, keywords ──▶ check ── problems ──▶ explain ──▶ issues
 *
 * Invariant: all that is wrong is reported at once, each with the place where it is; no sentence repeats a value.
 */
import type { Definitions } from '../definitions/definitions.js';
import type { ResourceObject } from '../format/json.js';
import type { Issue } from '../outcome.js';
import { resourceCheck } from './checks.js';
import { issuesOf } from './explain.js';

export type Validator = (resource: ResourceObject) => readonly Issue[];

/** An empty list = valid. Types are compiled when their first resource comes, a few milliseconds each. */
export function makeValidator(definitions: Definitions): Validator {
  const check = resourceCheck(definitions);
  return (resource) => {
    const problems = check(resource);
    return problems.length === 0 ? VALID : issuesOf(definitions, resource, problems);
  };
}

const VALID: readonly Issue[] = [];
