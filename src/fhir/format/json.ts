/**
 * The JSON tree in which resources are handled: JSON.parse's shapes, but number literals survive.
 * https://hl7.org/fhir/R4/json.html#primitive (precision of decimals is significant)
 *
 * Invariant: a literal that JavaScript would print back as it was written is a plain number; any other
 * (`1.0`, `1E-22`, 20 digits) is a NumberLiteral, which serialises as it was read.
 */
export class NumberLiteral {
  constructor(readonly literal: string) {}

  /** The nearest double: good for comparing, never for writing back. */
  get value(): number {
    return Number(this.literal);
  }
}

export type JsonNumber = number | NumberLiteral;
export type JsonValue = null | boolean | JsonNumber | string | JsonArray | JsonObject;
export type JsonArray = JsonValue[];
export interface JsonObject {
  [key: string]: JsonValue;
}

/** A resource as a tree: what parse gave and validate accepted. */
export interface ResourceObject extends JsonObject {
  resourceType: string;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberLiteral)
  );
}

export function isNumber(value: JsonValue | undefined): value is JsonNumber {
  return typeof value === 'number' || value instanceof NumberLiteral;
}

export function numberOf(value: JsonNumber): number {
  return typeof value === 'number' ? value : value.value;
}

/** The literal as written, for precision arithmetic. */
export function literalOf(value: JsonNumber): string {
  return typeof value === 'number' ? String(value) : value.literal;
}
