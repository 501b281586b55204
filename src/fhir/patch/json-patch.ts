/**
 * JSON Patch on the tree that keeps number literals.
 * https://www.rfc-editor.org/rfc/rfc6902, https://hl7.org/fhir/R4/http.html#patch
 *
 * Invariant: all operations or none; `patch-invalid` is a patch that no resource could take, `patch-failed` one that this
 * resource cannot.
 */
import {
  isObject,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  type ResourceObject,
} from '../format/json.js';
import { type Issue, Refusal } from '../outcome.js';
import { equal } from './equality.js';
import { expressionOf, indexOf, type Pointer, parsePointer, valueAt } from './pointer.js';
import { copyOf, type Emptied, finished, sizeOf } from './working-copy.js';

/** Ready to be applied: members are there as its kind needs them. */
interface Operation {
  readonly kind: Kind;
  /** For messages, from 1. */
  readonly number: number;
  readonly path: Pointer;
  readonly from: Pointer;
  readonly value: JsonValue;
}

interface Draft {
  root: JsonValue;
  readonly resourceType: string;
  readonly emptied: Emptied;
  /** Values that `copy` may still make. */
  copies: number;
}

/** A few short copies of a resource into itself would double it past any memory. */
const MAX_COPIES = 100_000;

type Kind = 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';

interface Rule {
  /** The member that it needs besides `path`. */
  readonly needs?: 'value' | 'from';
  readonly apply: (draft: Draft, operation: Operation) => void;
}

const RULES: Readonly<Record<Kind, Rule>> = {
  add: { needs: 'value', apply: (draft, operation) => add(draft, operation, copyOf(operation.value)) },
  remove: { apply: (draft, operation) => void remove(draft, operation, operation.path) },
  replace: { needs: 'value', apply: replace },
  move: { needs: 'from', apply: move },
  copy: { needs: 'from', apply: copy },
  test: { needs: 'value', apply: test },
};

export function applyJsonPatch(resource: ResourceObject, patch: JsonValue): ResourceObject {
  const operations = readOperations(patch);
  const draft: Draft = {
    root: copyOf(resource),
    resourceType: resource.resourceType,
    emptied: new Set(),
    copies: MAX_COPIES,
  };
  for (const operation of operations) RULES[operation.kind].apply(draft, operation);
  return finished(resource, draft.root, draft.emptied);
}

function readOperations(patch: JsonValue): readonly Operation[] {
  if (!Array.isArray(patch)) {
    throw new Refusal('patch-invalid', 'A JSON Patch is a list of operations: [{"op": …, "path": …}].');
  }
  const issues: Issue[] = [];
  const operations: Operation[] = [];
  for (const [index, item] of patch.entries()) {
    const operation = readOperation(item, index + 1);
    if (typeof operation !== 'string') operations.push(operation);
    else issues.push({ severity: 'error', code: 'invalid', text: `Operation ${index + 1} ${operation}` });
  }
  if (issues.length > 0) throw new Refusal('patch-invalid', issues);
  return operations;
}

/** The operation, or what is wrong with it. */
function readOperation(item: JsonValue, number: number): Operation | string {
  if (!isObject(item)) return 'is not an object: give it "op" and "path".';
  const kind = item.op;
  if (!isKind(kind)) return `has no known "op": it is one of ${Object.keys(RULES).join(', ')}.`;
  const path = parsePointer(item.path);
  if (path === undefined)
    return `(${kind}) has no JSON Pointer to an element as "path", such as "/name/0/family".`;
  const { needs } = RULES[kind];
  const from = needs === 'from' ? parsePointer(item.from) : [];
  if (from === undefined)
    return `(${kind}) has no JSON Pointer to an element as "from", such as "/name/0/family".`;
  if (needs === 'value' && item.value === undefined) return `(${kind}) has no "value".`;
  if (kind === 'move' && from.length < path.length && from.every((segment, at) => segment === path[at])) {
    return '(move) moves an element into itself: its "path" lies below its "from".';
  }
  return { kind, number, path, from, value: item.value ?? null };
}

function isKind(value: JsonValue | undefined): value is Kind {
  return typeof value === 'string' && Object.hasOwn(RULES, value);
}

function add(draft: Draft, operation: Operation, value: JsonValue): void {
  const { path } = operation;
  const last = path.at(-1);
  if (last === undefined) {
    draft.root = value;
    return;
  }
  const container = containerAt(draft, operation, path);
  if (!Array.isArray(container)) {
    container[last] = value;
    return;
  }
  const index = last === '-' ? container.length : indexOf(last);
  if (index < 0 || index > container.length) {
    throw failed(draft, operation, path, 'adds past the end of a list: "-" stands for the end.');
  }
  container.splice(index, 0, value);
}

function remove(draft: Draft, operation: Operation, path: Pointer): JsonValue {
  const value = existing(draft, operation, path);
  const last = path.at(-1);
  if (last === undefined) throw failed(draft, operation, path, 'removes the whole resource: use delete.');
  const container = containerAt(draft, operation, path);
  if (Array.isArray(container)) container.splice(indexOf(last), 1);
  else delete container[last];
  draft.emptied.add(container);
  return value;
}

function replace(draft: Draft, operation: Operation): void {
  const { path } = operation;
  const value = copyOf(operation.value);
  existing(draft, operation, path);
  const last = path.at(-1);
  if (last === undefined) {
    draft.root = value;
    return;
  }
  const container = containerAt(draft, operation, path);
  if (Array.isArray(container)) container[indexOf(last)] = value;
  else container[last] = value;
}

function move(draft: Draft, operation: Operation): void {
  add(draft, operation, remove(draft, operation, operation.from));
}

function copy(draft: Draft, operation: Operation): void {
  const value = existing(draft, operation, operation.from);
  draft.copies -= sizeOf(value);
  if (draft.copies < 0)
    throw failed(draft, operation, operation.path, 'copies too much: send the result as an update.');
  add(draft, operation, copyOf(value));
}

function test(draft: Draft, operation: Operation): void {
  if (!equal(existing(draft, operation, operation.path), operation.value)) {
    throw failed(draft, operation, operation.path, 'finds another value there: read the resource again.');
  }
}

function existing(draft: Draft, operation: Operation, path: Pointer): JsonValue {
  const value = valueAt(draft.root, path);
  if (value === undefined) throw failed(draft, operation, path, 'names an element that is not there.');
  return value;
}

function containerAt(draft: Draft, operation: Operation, path: Pointer): JsonArray | JsonObject {
  const container = valueAt(draft.root, path.slice(0, -1));
  if (Array.isArray(container) || isObject(container)) return container;
  throw failed(draft, operation, path, 'names an element whose parent is not there: add the parent first.');
}

function failed(draft: Draft, { kind, number }: Operation, path: Pointer, problem: string): Refusal {
  const expression = expressionOf(draft.resourceType, path);
  return new Refusal('patch-failed', [
    {
      severity: 'error',
      code: 'processing',
      text: `Operation ${number} (${kind}) ${problem}`,
      ...(expression === undefined ? {} : { expression: [expression] }),
    },
  ]);
}
