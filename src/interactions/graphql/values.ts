/**
 * Values of arguments and variables as JSON: number literals survive, enum values are their names.
 * https://spec.graphql.org/October2021/#sec-Input-Values, https://spec.graphql.org/October2021/#sec-Coercing-Variable-Values
 *
 * Invariant: undefined stands for what was not given: an argument whose variable has no value is as absent.
 */
import { Kind, type OperationDefinitionNode, type TypeNode, type ValueNode } from 'graphql';
import {
  isNumber,
  isObject,
  type JsonObject,
  type JsonValue,
  literalOf,
  NumberLiteral,
} from '../../fhir/format/json.js';
import type { Problems } from './problems.js';

export type Variables = ReadonlyMap<string, JsonValue | undefined>;

export function readVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: JsonObject,
  problems: Problems,
): Variables {
  const variables = new Map<string, JsonValue | undefined>();
  for (const definition of variableDefinitions) {
    const { variable, type, defaultValue } = definition;
    const name = variable.name.value;
    if (variables.has(name)) problems.add(definition, `there are two variables $${name}.`);
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    const value =
      own === undefined && defaultValue !== undefined ? readValue(defaultValue, NONE, problems) : own;
    variables.set(name, value);
    if (type.kind === Kind.NON_NULL_TYPE && (value === undefined || value === null)) {
      problems.add(definition, `the variable $${name} has no value, and needs one.`, 'required');
    } else if (!fits(value, type)) {
      problems.add(definition, `the value of the variable $${name} is not of its type.`, 'value');
    }
  }
  return variables;
}

const NONE: Variables = new Map();

function fits(value: JsonValue | undefined, type: TypeNode): boolean {
  if (type.kind === Kind.NON_NULL_TYPE) return fits(value, type.type);
  if (value === undefined || value === null) return true;
  if (type.kind === Kind.LIST_TYPE) {
    return Array.isArray(value) ? value.every((item) => fits(item, type.type)) : fits(value, type.type);
  }
  return fitsName(value, type.name.value);
}

/** Types of FHIR (`code`, `date`) are written as any scalar. */
function fitsName(value: JsonValue, type: string): boolean {
  switch (type) {
    case 'Boolean':
      return typeof value === 'boolean';
    case 'Int':
      return isNumber(value) && /^-?\d+$/.test(literalOf(value));
    case 'Float':
      return isNumber(value);
    case 'String':
      return typeof value === 'string';
    default:
      return !Array.isArray(value) && !isObject(value);
  }
}

export function readValue(node: ValueNode, variables: Variables, problems: Problems): JsonValue | undefined {
  switch (node.kind) {
    case Kind.VARIABLE: {
      const name = node.name.value;
      if (!variables.has(name)) problems.add(node, `the variable $${name} is not declared by the operation.`);
      return variables.get(name);
    }
    case Kind.INT:
    case Kind.FLOAT:
      return numberOf(node.value);
    case Kind.STRING:
    case Kind.ENUM:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.NULL:
      return null;
    case Kind.LIST:
      return node.values.map((item) => readValue(item, variables, problems) ?? null);
    case Kind.OBJECT:
      problems.add(node, 'no argument takes an object.');
      return undefined;
  }
}

function numberOf(literal: string): JsonValue {
  const value = Number(literal);
  return String(value) === literal ? value : new NumberLiteral(literal);
}

/** The text of a scalar, as it stands in a search parameter; undefined for lists and null. */
export function textOf(value: JsonValue): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  return isNumber(value) ? literalOf(value) : undefined;
}
