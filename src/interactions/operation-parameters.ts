/**
 * Parameters of an operation, from the query of a GET or the Parameters resource of a POST, read by the operation's own
 * table.
 * https://hl7.org/fhir/R4/operations.html#request
 *
 * Invariant: nothing is ignored: what a table has not is refused with what it has, and all problems come at once.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import { isNumber, isObject, type JsonObject, type JsonValue, literalOf } from '../fhir/format/json.js';
import { type Issue, Refusal } from '../fhir/outcome.js';
import { type DateRange, dateRange } from '../fhir/primitives/date.js';
import { nearest } from '../fhir/search/nearest.js';
import { malformed, Problem } from '../fhir/search/parameters/problem.js';
import { readBody } from './content.js';
import type { Context } from './context.js';
import { FORM_PARAMETERS } from './negotiation.js';
import type { FhirRequest } from './request.js';
import { checkResource } from './write.js';

/** A parameter as it was given. */
export interface Given {
  readonly name: string;
  /** A primitive as text, a data type as its tree; undefined where there is no value. */
  readonly value: string | JsonObject | undefined;
  /** FHIR type of a value in a Parameters resource: `Meta` of `valueMeta`. */
  readonly type?: string;
  /** Where it stands in a Parameters resource. */
  readonly expression?: string;
}

/** How a parameter is read: its value, or why it cannot be taken, going on from "The parameter x". */
export interface Parameter<T> {
  readonly read: (given: Given, context: Context) => T | Problem;
  readonly repeats?: boolean;
  readonly required?: boolean;
}

export type ParameterTable = Readonly<Record<string, Parameter<unknown>>>;

/** By name: the values given, none where the parameter was left out. */
export type ValuesOf<T extends ParameterTable> = {
  readonly [N in keyof T]: readonly (NonNullable<T[N]> extends Parameter<infer V> ? V : never)[];
};

/** Those of the query, then those of the body. */
export function givenParameters(request: FhirRequest, context: Context): readonly Given[] {
  const asked = request.query
    .filter(([name]) => !FORM_PARAMETERS.has(name))
    .map(([name, value]): Given => ({ name, value }));
  return request.method === 'POST' && hasBody(request)
    ? [...asked, ...bodyParameters(request, context)]
    : asked;
}

function hasBody({ body, resource }: FhirRequest): boolean {
  return resource !== undefined || (body !== undefined && body.length > 0);
}

function bodyParameters(request: FhirRequest, context: Context): readonly Given[] {
  const { parameter } = checkResource(readBody(request), 'Parameters', context);
  if (!Array.isArray(parameter)) return [];
  return parameter.filter(isObject).map((one, at): Given => {
    const name = typeof one.name === 'string' ? one.name : '';
    const key = Object.keys(one).find((each) => each.startsWith('value'));
    const expression = `Parameters.parameter[${at}]`;
    if (key === undefined) return { name, value: undefined, expression };
    return { name, value: simpleOrTree(one[key]), type: key.slice('value'.length), expression };
  });
}

function simpleOrTree(value: JsonValue | undefined): Given['value'] {
  if (typeof value === 'string' || isObject(value)) return value;
  if (isNumber(value)) return literalOf(value);
  return typeof value === 'boolean' ? String(value) : undefined;
}

/** Throws a Refusal with all problems. `operation`: its name, without the `$`. */
export function readParameters<T extends ParameterTable>(
  operation: string,
  table: T,
  given: readonly Given[],
  context: Context,
): ValuesOf<T> {
  const issues: Issue[] = [];
  const values: Record<string, unknown[]> = {};
  for (const name of Object.keys(table)) values[name] = [];
  for (const one of given) {
    const value = readOne(one, operation, table, values, context);
    if (value instanceof Problem) issues.push(issue(one, value));
    else values[one.name]?.push(value);
  }
  for (const [name, { required }] of Object.entries(table)) {
    if (required && !given.some((one) => one.name === name)) issues.push(missing(name, operation));
  }
  refuse(issues);
  return values as ValuesOf<T>; // every name of the table, with what its own reader gave
}

function readOne(
  given: Given,
  operation: string,
  table: ParameterTable,
  values: Readonly<Record<string, readonly unknown[]>>,
  context: Context,
): unknown {
  const parameter = Object.hasOwn(table, given.name) ? table[given.name] : undefined;
  if (parameter === undefined) return unknown(operation, table);
  if (!parameter.repeats && values[given.name]?.length) return malformed('is given more than once');
  if (given.value === undefined || given.value === '') {
    return new Problem('empty', 'has no value: give one or leave the parameter out');
  }
  return parameter.read(given, context);
}

function unknown(operation: string, table: ParameterTable): Problem {
  const names = Object.keys(table);
  const there = names.length === 0 ? 'which takes none' : `which takes ${names.join(', ')}`;
  return new Problem('unknown', `is none of $${operation}, ${there}`);
}

function missing(name: string, operation: string): Issue {
  return { severity: 'error', code: 'required', text: `$${operation} needs the parameter ${name}.` };
}

/** Names come from the client; a longer one is cut. */
const MAX_NAME = 100;

function issue({ name, expression }: Given, { code, reason }: Problem): Issue {
  const shown = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
  return {
    severity: 'error',
    code,
    text: `The parameter ${shown} ${reason}${/[.?]$/.test(reason) ? '' : '.'}`,
    ...(expression === undefined ? {} : { expression: [expression] }),
  };
}

/** Throws where there are any. */
export function refuse(issues: readonly Issue[]): void {
  if (issues.length === 0) return;
  const isUnknown = issues.every(({ code }) => code === 'not-supported');
  throw new Refusal(isUnknown ? 'unknown-parameter' : 'invalid-parameter', issues);
}

/** The value, or undefined and the issues of the refusal. */
export function noted<T>(issues: Issue[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    issues.push(...error.issues);
    return undefined;
  }
}

/** A parameter whose value is text: a primitive of any type. */
export function textual<T>(read: (text: string, context: Context) => T | Problem): Parameter<T> {
  return {
    read: ({ value }, context) =>
      typeof value === 'string' ? read(value, context) : malformed('takes a simple value, not a structure'),
  };
}

/** A `+` that was not percent-encoded arrives as a blank. */
const LOST_PLUS = / (?=\d\d:\d\d$)/;

/** date: all the time that it covers. */
export const BOOLEAN: Parameter<boolean> = textual((text) =>
  text === 'true' || text === 'false' ? text === 'true' : malformed('must be true or false'),
);

export const DATE: Parameter<DateRange> = textual(
  (text) =>
    dateRange(text.replace(LOST_PLUS, '+')) ??
    malformed('is no date: write it like 2024, 2024-03, 2024-03-01 or 2024-03-01T10:00:00Z'),
);

/** instant, in milliseconds; of a date its beginning. */
export const INSTANT: Parameter<number> = textual(
  (text) =>
    dateRange(text.replace(LOST_PLUS, '+'))?.lo ??
    malformed('is no instant: write it like 2024-01-31T12:00:00Z'),
);

/** positiveInt */
export const POSITIVE: Parameter<number> = textual((text) =>
  /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : malformed('must be a whole number, 1 or more'),
);

/** Resource types, several joined by commas. */
export const RESOURCE_TYPES: Parameter<readonly string[]> = {
  ...textual((text, { knowledge }) => readTypes(text.split(','), knowledge.definitions)),
  repeats: true,
};

function readTypes(types: readonly string[], { resourceTypes }: Definitions): readonly string[] | Problem {
  const unknownType = types.find((type) => !resourceTypes.has(type));
  if (unknownType === undefined) return types;
  const near = nearest(unknownType, resourceTypes.keys());
  const hint = near.length === 0 ? 'types are written like Patient' : `did you mean ${near.join(', ')}?`;
  return malformed(`names a type that does not exist: ${hint}`);
}

export const META: Parameter<JsonObject> = {
  read: ({ value, type }) =>
    isObject(value) && type === 'Meta' ? value : malformed('is given as valueMeta'),
};
