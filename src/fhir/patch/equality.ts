/**
 * Equality of JSON values: numbers by what they stand for, objects whatever the order of their members.
 * https://www.rfc-editor.org/rfc/rfc6902#section-4.6
 */
import { isNumber, isObject, type JsonValue, literalOf } from '../format/json.js';
import { sameNumber } from '../primitives/decimal.js';

export function equal(left: JsonValue, right: JsonValue): boolean {
  if (left === right) return true;
  if (isNumber(left) && isNumber(right)) return sameNumber(literalOf(left), literalOf(right));
  if (Array.isArray(left) && Array.isArray(right)) {
    return (
      left.length === right.length && left.every((item, index) => equal(item, right[index] as JsonValue))
    ); // same length
  }
  if (!isObject(left) || !isObject(right)) return false;
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every(
      (name) => Object.hasOwn(right, name) && equal(left[name] as JsonValue, right[name] as JsonValue),
    ) // own keys have values
  );
}
