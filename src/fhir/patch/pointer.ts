/**
 * JSON Pointers: where an operation of a JSON Patch works.
 * https://www.rfc-editor.org/rfc/rfc6901
 *
 * Invariant: no pointer leads to what an object inherits.
 */
import { isObject, type JsonValue } from '../format/json.js';

/** Unescaped segments; none = the whole document. */
export type Pointer = readonly string[];

const POINTER = /^(?:\/(?:[^~]|~[01])*)?$/;
const INHERITED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const INDEX = /^(?:0|[1-9]\d{0,8})$/;

/** Undefined where the text is no pointer or one that could reach an object's prototype. */
export function parsePointer(text: JsonValue | undefined): Pointer | undefined {
  if (typeof text !== 'string' || !POINTER.test(text)) return undefined;
  const segments = text
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  return segments.some((segment) => INHERITED.has(segment)) ? undefined : segments;
}

/** The value there; undefined where nothing is. */
export function valueAt(document: JsonValue, pointer: Pointer): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const segment of pointer) {
    if (Array.isArray(value)) value = value[indexOf(segment)];
    else if (isObject(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}

/** −1 where the segment is no index, which no list has. */
export function indexOf(segment: string): number {
  return INDEX.test(segment) ? Number(segment) : -1;
}

/** `/name/0/family` of a Patient is `Patient.name[0].family`; undefined for what FHIRPath cannot name. */
export function expressionOf(resourceType: string, pointer: Pointer): string | undefined {
  let expression = resourceType;
  for (const segment of pointer) {
    if (INDEX.test(segment)) expression += `[${segment}]`;
    else if (/^[A-Za-z]\w{0,63}$/.test(segment)) expression += `.${segment}`;
    else return segment === '-' ? expression : undefined;
  }
  return expression;
}
