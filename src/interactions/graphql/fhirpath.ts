/**
 * FHIRPath in arguments: what an object has to fulfil (`fhirpath`), and what names its slice (`@slice(path:)`).
 * https://hl7.org/fhir/R4/graphql.html#list, https://hl7.org/fhir/R4/graphql.html#flattening
 *
 * Invariant: the FHIRPath that is understood is that of patches (members, where, exists, comparisons); other is refused.
 */
import type { Definitions } from '../../fhir/definitions/definitions.js';
import type { JsonObject, JsonValue } from '../../fhir/format/json.js';
import { follow, holds } from '../../fhir/patch/locate.js';
import { PathError, parseCriterion, parsePath } from '../../fhir/patch/path-expression.js';
import { Problem } from '../../fhir/patch/problem.js';
import { textOf } from './values.js';

/** Whether an object of a type is to be taken. */
export type Judge = (object: JsonObject, type: string) => boolean;

/** What is hung on to the name, without the dot; undefined where the path leads to nothing. */
export type Slice = (value: JsonValue, type: string, index: number) => string | undefined;

/** The reason why not, where the expression is not understood. */
export function readJudge(text: string, definitions: Definitions): Judge | string {
  return understood(() => {
    const criterion = parseCriterion(text);
    return (object, type) =>
      evaluated(() => holds({ definitions }, { type, value: object }, criterion)) ?? false;
  });
}

export function readSlice(text: string, definitions: Definitions): Slice | string {
  if (text === '$index') return (_value, _type, index) => String(index);
  return understood(() => {
    const { steps } = parsePath(text);
    return (value, type) => {
      const [only, ...others] = evaluated(() => follow({ definitions }, [{ type, value }], steps)) ?? [];
      return others.length > 0 || only?.value === undefined ? undefined : textOf(only.value);
    };
  });
}

function understood<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof PathError) return error.message;
    throw error;
  }
}

/** An expression that fails on a value (`single()` of several) says nothing of it. */
function evaluated<T>(evaluate: () => T): T | undefined {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
