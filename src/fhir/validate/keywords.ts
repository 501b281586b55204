/**
 * The keywords in which FHIR types are written as JSON Schemas: each emits the code that ajv compiles.
 * https://ajv.js.org/keywords.html#define-keyword-with-code-generation-function
 *
 *   elements   the properties of an object, each through its own schema; what else is there is unknown
 *   many       an array; nulls where the array beside it has something
 *   primitive  a value of a primitive type, or of a code set
 *   fhirType   an object of another type, which is compiled at its first use
 *   resource   a resource of any type
 *   rules      invariants of rules.ts
 *
 * Invariant: what is valid costs no allocation; problems come in the order of the resource, a place's own once.
 */
import { _, type CodeKeywordDefinition, type KeywordCxt, type Name } from 'ajv';
import { Type } from 'ajv/dist/compile/util.js';
import { isObject, type JsonObject } from '../format/json.js';
import { elementsKeyword } from './elements-keyword.js';
import { breakWhenFull, callCheck, type LateCheck, report } from './emit.js';
import type { PrimitiveCheck } from './primitives.js';
import { RULES } from './rules.js';
import type { ManyPlace } from './type-schema.js';

/** What keywords need beyond their schema. */
export interface Surroundings {
  /** `codes`: URL of the code set that the value must be of. */
  primitive(type: string, codes: string | undefined): PrimitiveCheck;
  type(name: string): LateCheck;
  resource(place: 'contained' | 'whole'): LateCheck;
}

/** Words of the schemas that belong to a keyword, or tell a reader what the schema is. */
const WORDS = ['typeName', 'mandatory', 'choice', 'max', 'beside', 'codes'];

export function keywords(surroundings: Surroundings): readonly (CodeKeywordDefinition | string)[] {
  return [
    { keyword: 'elements', code: elementsKeyword },
    { keyword: 'many', code: manyKeyword },
    { keyword: 'primitive', code: (cxt) => primitiveKeyword(cxt, surroundings) },
    { keyword: 'fhirType', code: (cxt) => callCheck(cxt, surroundings.type(cxt.schema)) },
    { keyword: 'resource', code: (cxt) => callCheck(cxt, surroundings.resource(cxt.schema)) },
    { keyword: 'rules', code: rulesKeyword },
    ...WORDS,
  ];
}

function primitiveKeyword(cxt: KeywordCxt, surroundings: Surroundings): void {
  const { gen, data, schema: type } = cxt;
  const codes: string | undefined = cxt.parentSchema.codes;
  const check = gen.scopeValue('func', { ref: surroundings.primitive(type, codes) });
  const set = codes === undefined ? _`` : _`, codes: ${codes}`;
  gen.if(_`!${check}(${data})`, () =>
    report(cxt, _`{kind: "primitive", type: ${type}, value: ${data}${set}}`),
  );
}

function manyKeyword(cxt: KeywordCxt): void {
  const { gen, data } = cxt;
  const { max, beside } = cxt.parentSchema as ManyPlace; // this keyword stands in what type-schema.ts makes
  gen.if(_`!Array.isArray(${data})`);
  report(cxt, _`{kind: "not-array", value: ${data}}`);
  gen.elseIf(_`${data}.length === 0`);
  report(cxt, _`{kind: "empty-array"}`);
  gen.else();
  if (max !== null) gen.if(_`${data}.length > ${max}`, () => report(cxt, _`{kind: "too-many", max: ${max}}`));
  gen.forRange('item', 0, _`${data}.length`, (item) => {
    breakWhenFull(cxt);
    gen.if(_`${data}[${item}] === null`);
    nullItem(cxt, item, beside);
    gen.else();
    cxt.subschema({ keyword: 'many', dataProp: item, dataPropType: Type.Num }, gen.name('valid'));
    gen.endIf();
  });
  gen.endIf();
}

/** A null holds a place: for extensions without a value, or for a value without extensions. */
function nullItem(cxt: KeywordCxt, item: Name, beside: string | undefined): void {
  const { gen, it } = cxt;
  const problem = (): void => report(cxt, _`{kind: "null"}`, item);
  const allowed = gen.scopeValue('func', { ref: nullAllowed });
  if (beside === undefined) problem();
  else gen.if(_`!${allowed}(${it.parentData}, ${beside}, ${item})`, problem);
}

/** Where both arrays have null at one place, that is the problem of the values' array alone. */
function nullAllowed(parent: JsonObject, beside: string, index: number): boolean {
  const other = parent[beside];
  if (!Array.isArray(other) || index >= other.length) return false;
  return !beside.startsWith('_') || other[index] !== null;
}

/** Invariants are of well-formed objects: what is no object was reported as such. */
function rulesKeyword(cxt: KeywordCxt): void {
  const { gen, data, schema } = cxt;
  const names: readonly string[] = schema;
  for (const name of names) {
    const holds = (value: JsonObject): boolean => !isObject(value) || RULES[name]?.holds(value) !== false;
    const check = gen.scopeValue('func', { key: name, ref: holds });
    gen.if(_`!${check}(${data})`, () => report(cxt, _`{kind: "rule", rule: ${name}}`));
  }
}
