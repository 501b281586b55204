/**
 * Filters of a value set's rules, on the concepts of a code system.
 * https://hl7.org/fhir/R4/valueset-filter-operator.html
 *
 * Invariant: a filter that is not understood is refused by the caller, who is told why; it never selects nothing.
 */
import { type CodeSystem, type Concept, closure } from './code-system.js';
import { safePattern } from './pattern.js';
import type { Filter } from './value-set.js';

type Test = (concept: Concept) => boolean;

/** A sentence that goes on from "The value set x". */
type Reason = string;

/** Which concepts a filter selects; a text where it cannot be said. */
export function filterTest(filter: Filter, system: CodeSystem): Test | Reason {
  const { op } = filter;
  const make = Object.hasOwn(OPERATORS, op) ? OPERATORS[op] : undefined;
  return make?.(filter, system) ?? `has a filter by "${op}" on ${system.url}, which is not supported here`;
}

const OPERATORS: Readonly<Record<string, (filter: Filter, system: CodeSystem) => Test | Reason>> = {
  'is-a': (filter, system) => related(filter, system, (found, { code }) => found.has(code)),
  'descendent-of': (filter, system) =>
    related(filter, system, (found, { code }) => code !== filter.value && found.has(code)),
  'is-not-a': (filter, system) => related(filter, system, (found, { code }) => !found.has(code)),
  generalizes: (filter, system) => related(filter, system, (found, { code }) => found.has(code), 'above'),
  '=': ({ property, value }) => selects(property, (values) => values.includes(value)),
  in: ({ property, value }) => {
    const wanted = listOf(value);
    return selects(property, (values) => values.some((one) => wanted.has(one)));
  },
  'not-in': ({ property, value }) => {
    const unwanted = listOf(value);
    return selects(property, (values) => !values.some((one) => unwanted.has(one)));
  },
  exists: ({ property, value }, { url }) => {
    if (value !== 'true' && value !== 'false') {
      return `has a filter by "exists" on ${url} whose value is neither true nor false`;
    }
    return selects(property, (values) => values.length > 0 === (value === 'true'));
  },
  regex: ({ property, value }, { url }) => {
    const matches = safePattern(value);
    if (matches !== undefined) return selects(property, (values) => values.some(matches));
    return `has a filter by "regex" on ${url} whose expression is not one of those that are run here`;
  },
};

/** By the place in the hierarchy; a code that is not in the system is a mistake of the value set. */
function related(
  { value }: Filter,
  { url, concepts }: CodeSystem,
  test: (found: ReadonlySet<string>, concept: Concept) => boolean,
  direction: 'above' | 'below' = 'below',
): Test | Reason {
  const concept = concepts.get(value);
  if (concept === undefined) return `has a filter by a code that the code system ${url} does not have`;
  const found = new Set(closure(concept, direction));
  return (one) => test(found, one);
}

function selects(property: string, test: (values: readonly string[]) => boolean): Test {
  return (concept) => test(valuesOf(concept, property));
}

/** https://hl7.org/fhir/R4/codesystem.html#defined-props */
function valuesOf(concept: Concept, property: string): readonly string[] {
  switch (property) {
    case 'code':
    case 'concept':
      return [concept.code];
    case 'parent':
      return concept.parents.map(({ code }) => code);
    case 'child':
      return concept.children.map(({ code }) => code);
    default:
      return concept.properties.get(property) ?? [];
  }
}

function listOf(value: string): ReadonlySet<string> {
  return new Set(value.split(',').map((one) => one.trim()));
}

/** https://hl7.org/fhir/R4/codesystem-concept-properties.html */
export function isInactive(concept: Concept): boolean {
  return valuesOf(concept, 'inactive').includes('true') || valuesOf(concept, 'status').includes('retired');
}
