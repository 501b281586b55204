/**
 * Directives of a selection: whether it is taken at all, and how what it yields stands in the answer.
 * https://spec.graphql.org/October2021/#sec-Type-System.Directives.Built-in-Directives,
 * https://hl7.org/fhir/R4/graphql.html#flattening
 */
import type { DirectiveNode, FieldNode, SelectionNode } from 'graphql';
import type { Definitions } from '../../fhir/definitions/definitions.js';
import type { JsonValue } from '../../fhir/format/json.js';
import { nearest } from '../../fhir/search/nearest.js';
import { readSlice, type Slice } from './fhirpath.js';
import { hint, type Problems } from './problems.js';
import { readValue, type Variables } from './values.js';

/** The argument that each takes. */
const DIRECTIVES: Readonly<Record<string, string | undefined>> = {
  skip: 'if',
  include: 'if',
  flatten: undefined,
  first: undefined,
  singleton: undefined,
  slice: 'path',
};

/** Those that may stand on fragments too. */
const ON_FRAGMENTS: ReadonlySet<string> = new Set(['skip', 'include']);

export interface FieldDirectives {
  readonly flatten: boolean;
  readonly first: boolean;
  readonly singleton: boolean;
  readonly slice?: Slice;
}

/** Whether the selection is wanted: all its conditions are met. */
export function isIncluded(node: SelectionNode, variables: Variables, problems: Problems): boolean {
  let included = true;
  for (const directive of known(node, problems)) {
    const name = directive.name.value;
    if (name !== 'skip' && name !== 'include') continue;
    const value = argumentOf(directive, variables, problems);
    if (typeof value === 'boolean') included &&= value === (name === 'include');
    else problems.add(directive, `@${name} needs the argument if, true or false.`);
  }
  return included;
}

export function readDirectives(
  node: FieldNode,
  variables: Variables,
  definitions: Definitions,
  problems: Problems,
): FieldDirectives {
  const given = known(node, problems);
  const has = (name: string): boolean => given.some((directive) => directive.name.value === name);
  const directive = given.find(({ name }) => name.value === 'slice');
  const slice = directive && sliceOf(directive, variables, definitions, problems);
  return {
    flatten: has('flatten'),
    first: has('first'),
    singleton: has('singleton'),
    ...(slice === undefined ? {} : { slice }),
  };
}

function sliceOf(
  directive: DirectiveNode,
  variables: Variables,
  definitions: Definitions,
  problems: Problems,
): Slice | undefined {
  const path = argumentOf(directive, variables, problems);
  if (typeof path !== 'string') {
    problems.add(directive, '@slice needs the argument path, a FHIRPath or $index.');
    return undefined;
  }
  const slice = readSlice(path, definitions);
  if (typeof slice !== 'string') return slice;
  problems.add(directive, `the FHIRPath of @slice cannot be evaluated: ${slice}.`, 'not-supported');
  return undefined;
}

function known({ kind, directives = [] }: SelectionNode, problems: Problems): readonly DirectiveNode[] {
  return directives.filter((directive, index) => {
    const name = directive.name.value;
    if (!Object.hasOwn(DIRECTIVES, name)) {
      const near = nearest(name, Object.keys(DIRECTIVES));
      const text = `there is no directive @${name}: ${hint(near, `there are ${Object.keys(DIRECTIVES).join(', ')}.`)}`;
      problems.add(directive, text, 'not-supported');
      return false;
    }
    if (kind !== 'Field' && !ON_FRAGMENTS.has(name))
      problems.add(directive, `@${name} stands on fields alone.`);
    if (directives.findIndex((other) => other.name.value === name) < index) {
      problems.add(directive, `@${name} stands here twice.`);
    }
    return true;
  });
}

function argumentOf(
  { name, arguments: given = [] }: DirectiveNode,
  variables: Variables,
  problems: Problems,
): JsonValue | undefined {
  const wanted = DIRECTIVES[name.value];
  let value: JsonValue | undefined;
  for (const argument of given) {
    if (argument.name.value === wanted) value = readValue(argument.value, variables, problems);
    else problems.add(argument, `@${name.value} takes no argument ${argument.name.value}.`);
  }
  return value;
}
