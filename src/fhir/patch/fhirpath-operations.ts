/**
 * A Parameters resource → operations of a FHIRPath Patch.
 * https://hl7.org/fhir/R4/fhirpatch.html
 *
 * Invariant: a malformed patch is refused with all that is wrong with it, before anything is applied.
 */
import { isObject, type JsonObject, type JsonValue } from '../format/json.js';
import { type Issue, REFUSALS, Refusal } from '../outcome.js';
import { plainValue } from './patch-value.js';
import { type Path, PathError, parsePath } from './path-expression.js';
import { invalid, Problem } from './problem.js';

export type Operation = {
  /** For messages, from 1. */
  readonly number: number;
  readonly path: Path;
} & (
  | { readonly kind: 'add'; readonly name: string; readonly value: JsonObject }
  | { readonly kind: 'insert'; readonly index: number; readonly value: JsonObject }
  | { readonly kind: 'delete' }
  | { readonly kind: 'replace'; readonly value: JsonObject }
  | { readonly kind: 'move'; readonly source: number; readonly destination: number }
);

/** The parts of one operation by name. */
type Parts = ReadonlyMap<string, JsonObject>;
type Kind = Operation['kind'];
type Particulars<K extends Kind> = Omit<Extract<Operation, { kind: K }>, 'number' | 'path'>;

const READERS: { readonly [K in Kind]: (parts: Parts) => Particulars<K> } = {
  add: (parts) => ({ kind: 'add', name: text(parts, 'name'), value: required(parts, 'value') }),
  insert: (parts) => ({ kind: 'insert', index: integer(parts, 'index'), value: required(parts, 'value') }),
  delete: () => ({ kind: 'delete' }),
  replace: (parts) => ({ kind: 'replace', value: required(parts, 'value') }),
  move: (parts) => ({
    kind: 'move',
    source: integer(parts, 'source'),
    destination: integer(parts, 'destination'),
  }),
};

const PARTS: readonly string[] = ['type', 'path', 'name', 'value', 'index', 'source', 'destination'];

export function readOperations(parameters: JsonValue): readonly Operation[] {
  if (!isObject(parameters) || parameters.resourceType !== 'Parameters') {
    throw new Refusal(
      'patch-invalid',
      'A FHIRPath Patch is a Parameters resource with parameters named operation.',
    );
  }
  const issues: Issue[] = [];
  const operations: Operation[] = [];
  const listed = Array.isArray(parameters.parameter) ? parameters.parameter : [];
  for (const [index, parameter] of listed.entries()) {
    try {
      operations.push(readOperation(parameter, index + 1));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      issues.push(issueOf(error, `Operation ${index + 1}`, index + 1));
    }
  }
  if (issues.length > 0) throw new Refusal('patch-invalid', issues);
  return operations;
}

/** `operation` names it in the text: "Operation 1 (add)". */
export function issueOf(problem: Problem, operation: string, number: number): Issue {
  return {
    severity: 'error',
    code: REFUSALS[problem.kind][1],
    text: `${operation} ${problem.message}`,
    expression: [`Parameters.parameter[${number - 1}]`],
  };
}

function readOperation(parameter: JsonValue, number: number): Operation {
  if (!isObject(parameter) || parameter.name !== 'operation' || !Array.isArray(parameter.part)) {
    throw invalid('is not a parameter named operation with parts.');
  }
  const parts = new Map<string, JsonObject>();
  for (const part of parameter.part) {
    if (!isObject(part) || typeof part.name !== 'string' || !PARTS.includes(part.name)) {
      throw invalid(`has a part that is not known: parts are ${PARTS.join(', ')}.`);
    }
    if (parts.has(part.name)) throw invalid(`has the part ${part.name} twice.`);
    parts.set(part.name, part);
  }
  const kind = text(parts, 'type');
  if (!isKind(kind)) throw invalid(`has no known type: it is one of ${Object.keys(READERS).join(', ')}.`);
  return { ...READERS[kind](parts), number, path: path(parts) };
}

function isKind(text: string): text is Kind {
  return Object.hasOwn(READERS, text);
}

function path(parts: Parts): Path {
  const expression = text(parts, 'path');
  try {
    return parsePath(expression);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    throw invalid(`has a path that cannot be followed: ${error.message}.`);
  }
}

function required(parts: Parts, name: string): JsonObject {
  const part = parts.get(name);
  if (part === undefined) throw invalid(`has no part ${name}.`);
  return part;
}

function text(parts: Parts, name: string): string {
  const value = plainValue(required(parts, name));
  if (typeof value !== 'string') throw invalid(`has a part ${name} that is no text.`);
  return value;
}

function integer(parts: Parts, name: string): number {
  const value = plainValue(required(parts, name));
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`has a part ${name} that is no integer from 0 on.`);
}
