/**
 * A SearchParameter resource that somebody stored, as the parameters that it makes on its base types: all that keeps it
 * from being served is found here, before it is stored and again whenever the stored ones are read.
 * https://hl7.org/fhir/R4/searchparameter.html
 *
 * Invariant: only an active one makes parameters, and only where none is wrong with it; a code means one thing on a type.
 */
import type { Definitions, SearchParameter, SearchParameterType } from '../definitions/definitions.js';
import type { JsonObject, JsonValue } from '../format/json.js';
import { isObject } from '../format/json.js';
import type { Issue, IssueCode } from '../outcome.js';
import { parameterStep, type Room, valueTypes } from './parameter-step.js';
import { elementsOf } from './path/elements.js';
import { UnsupportedExpression } from './path/expression.js';
import { referenceReader } from './values/reference-values.js';

/** What a SearchParameter makes; nothing where it is not active or has issues. */
export interface CustomParameter {
  /** By base type. */
  readonly parameters: ReadonlyMap<string, SearchParameter>;
  readonly issues: readonly Issue[];
}

/** Dots, colons and commas have a meaning in searches; an underscore at the beginning is FHIR's own. */
const CODE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** Far past every published one; reading and compiling go as deep as the brackets and steps of the text. */
const LONGEST_EXPRESSION = 2_000;
const DEEPEST_BRACKETS = 32;
const MOST_STEPS = 64;
const ABSTRACT: ReadonlySet<string> = new Set(['Resource', 'DomainResource']);

const NOTHING: CustomParameter = { parameters: new Map(), issues: [] };

/** `definitions`: those of FHIR together with the custom parameters there are. */
export function readCustomParameter(resource: JsonObject, definitions: Definitions): CustomParameter {
  if (resource.status !== 'active') return NOTHING;
  const published = readPublished(resource);
  const issues: Issue[] = [...codeIssues(published), ...typeIssues(published)];
  const components = componentsOf(published, definitions, issues);
  issues.push(...expressionIssues(published));
  const parameters = new Map<string, SearchParameter>();
  for (const [at, base] of published.base.entries()) {
    const problem = baseProblem(base, published, definitions);
    if (problem !== undefined) issues.push(issue(problem[0], problem[1], `base[${at}]`));
  }
  if (issues.length > 0) return { parameters, issues };
  for (const base of new Set(published.base)) {
    const made = parameterOn(base, published, components, definitions);
    if ('reason' in made) issues.push(issue('not-supported', made.reason, made.element));
    else parameters.set(base, made.parameter);
  }
  return issues.length > 0 ? { parameters: new Map(), issues } : { parameters, issues };
}

/** Equal for parameters that find the same values: what changes without it needs no new index. */
export function valueSignature({ type, expression = '', targets, components = [] }: SearchParameter): string {
  const parts = components.map((component) => `${component.type} ${component.expression}`);
  return [type, expression, targets.join(), ...parts].join('\n');
}

/** The definitions with custom parameters added to their types. */
export function withCustomParameters(
  definitions: Definitions,
  custom: Iterable<readonly [type: string, parameter: SearchParameter]>,
): Definitions {
  const changed = new Map<string, Map<string, SearchParameter>>();
  for (const [type, parameter] of custom) {
    const own = changed.get(type) ?? new Map(definitions.searchParameters.get(type));
    changed.set(type, own.set(parameter.code, parameter));
  }
  const searchParameters = new Map([...definitions.searchParameters, ...changed]);
  return { ...definitions, searchParameters };
}

/** Definitions that know one parameter of one type and no other: to index by it alone. */
export function onlyParameter(
  definitions: Definitions,
  type: string,
  parameter: SearchParameter,
): Definitions {
  return {
    ...definitions,
    searchParameters: new Map([[type, new Map([[parameter.code, parameter]])]]),
    compartments: new Map(),
  };
}

interface PublishedComponent {
  readonly definition: string;
  readonly expression: string;
}

interface Published {
  readonly id: string;
  readonly url: string;
  readonly code: string;
  readonly type: string;
  readonly description: string | undefined;
  readonly base: readonly string[];
  readonly expression: string;
  readonly target: readonly string[];
  readonly component: readonly PublishedComponent[];
}

function readPublished(resource: JsonObject): Published {
  return {
    id: text(resource.id),
    url: text(resource.url),
    code: text(resource.code),
    type: text(resource.type),
    description: typeof resource.description === 'string' ? resource.description : undefined,
    base: list(resource.base).map(text),
    expression: text(resource.expression),
    target: list(resource.target).map(text),
    component: list(resource.component).map((component) => {
      const { definition, expression } = isObject(component) ? component : {};
      return { definition: text(definition), expression: text(expression) };
    }),
  };
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function issue(code: IssueCode, reason: string, element: string): Issue {
  const expression = [`SearchParameter.${element}`];
  return { severity: 'error', code, text: `This SearchParameter cannot be active: ${reason}.`, expression };
}

function codeIssues({ code }: Published): readonly Issue[] {
  if (CODE.test(code)) return [];
  const shape = 'a letter and then at most 63 letters, digits, hyphens and underscores';
  return [issue('value', `its code must be ${shape}, so that it can be the name of a parameter`, 'code')];
}

function isServed(type: string): type is SearchParameterType {
  return type === 'composite' || Object.hasOwn(SERVED, type);
}

/** Of parameters and of a composite's components. */
const SERVED: Readonly<Record<Exclude<SearchParameterType, 'composite' | 'special'>, true>> = {
  token: true,
  string: true,
  date: true,
  number: true,
  quantity: true,
  reference: true,
  uri: true,
};

function typeIssues({ type, component }: Published): readonly Issue[] {
  const issues: Issue[] = [];
  if (!isServed(type)) {
    issues.push(issue('not-supported', `its type ${type} has no values that an index could hold`, 'type'));
  }
  if (type === 'composite' && component.length < 2) {
    issues.push(issue('required', 'a composite needs two components or more', 'component'));
  }
  if (type !== 'composite' && component.length > 0) {
    issues.push(issue('invariant', 'only a composite has components', 'component'));
  }
  return issues;
}

function expressionIssues({ expression, component }: Published): readonly Issue[] {
  const places = [
    { expression, element: 'expression' },
    ...component.map((one, at) => ({ expression: one.expression, element: `component[${at}].expression` })),
  ];
  return places.flatMap((place) => {
    if (place.expression === '') {
      return [issue('required', 'without an expression nothing says where its values are', place.element)];
    }
    const bound = overBound(place.expression);
    return bound === undefined
      ? []
      : [issue('too-costly', `its expression has more than ${bound}`, place.element)];
  });
}

function overBound(expression: string): string | undefined {
  if (expression.length > LONGEST_EXPRESSION) return `${LONGEST_EXPRESSION} characters`;
  let [depth, deepest] = [0, 0];
  for (const character of expression) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    deepest = Math.max(deepest, depth);
  }
  if (deepest > DEEPEST_BRACKETS) return `${DEEPEST_BRACKETS} brackets within each other`;
  const longest = Math.max(...expression.split('|').map((member) => member.split('.').length));
  return longest > MOST_STEPS ? `${MOST_STEPS} steps` : undefined;
}

function baseProblem(
  base: string,
  { id, code }: Published,
  definitions: Definitions,
): readonly [IssueCode, string] | undefined {
  if (ABSTRACT.has(base))
    return ['not-supported', `its base ${base} stands for many types: name those meant`];
  const known = definitions.searchParameters.get(base);
  if (known === undefined) return ['value', `its base ${base} is no resource type of FHIR R4`];
  const other = known.get(code);
  if (other === undefined || other.custom?.id === id) return undefined;
  if (other.custom === undefined) {
    return [
      'duplicate',
      `${base} has a parameter ${code} already, which FHIR R4 defines: choose another code`,
    ];
  }
  const owner = `SearchParameter/${other.custom.id}`;
  return [
    'duplicate',
    `${base} has a parameter ${code} already, by ${owner}: retire that or choose another code`,
  ];
}

type Components = NonNullable<SearchParameter['components']>;

function componentsOf({ component }: Published, definitions: Definitions, issues: Issue[]): Components {
  return component.flatMap(({ definition, expression }, at) => {
    const ruling = standardParameter(definition.split('|')[0] ?? '', definitions);
    if (ruling !== undefined && Object.hasOwn(SERVED, ruling.type)) {
      return [{ code: ruling.code, type: ruling.type, expression }];
    }
    const reason = 'its component is ruled by no simple search parameter of FHIR R4: name one by its URL';
    issues.push(issue('not-found', reason, `component[${at}].definition`));
    return [];
  });
}

/** Not a custom one: it could be retired while a composite lives on it. */
function standardParameter(url: string, definitions: Definitions): SearchParameter | undefined {
  for (const parameters of definitions.searchParameters.values()) {
    for (const parameter of parameters.values()) {
      if (parameter.url === url && parameter.custom === undefined) return parameter;
    }
  }
  return undefined;
}

type Made = { readonly parameter: SearchParameter } | { readonly reason: string; readonly element: string };

function parameterOn(
  base: string,
  published: Published,
  components: Components,
  definitions: Definitions,
): Made {
  const { id, url, code, type, expression, target, description } = published;
  const room: Room = {
    definitions,
    elements: elementsOf(definitions),
    references: referenceReader(undefined),
  };
  const element = 'expression';
  const parameter: SearchParameter = {
    code,
    url,
    type: type as SearchParameterType, // one that is served: typeIssues looked
    expression,
    elementTypes: [],
    targets: target.includes('Resource') ? [] : [...new Set(target)].sort(),
    ...(components.length === 0 ? {} : { components }),
    repeats: true,
    ...(description === undefined ? {} : { description }),
    custom: { id },
  };
  try {
    if (parameterStep(parameter, base, [], room) === undefined) {
      return { reason: `its expression leads to no ${type} values on ${base}`, element };
    }
    return { parameter: { ...parameter, elementTypes: valueTypes(parameter, base, room) } };
  } catch (error) {
    if (!(error instanceof UnsupportedExpression)) throw error;
    return { reason: `its expression is not understood on ${base}, where ${error.reason}`, element };
  }
}
