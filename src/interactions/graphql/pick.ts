/**
 * Arguments of an element: which of its objects are taken.
 * https://hl7.org/fhir/R4/graphql.html#list
 *
 *   name(use: official)   extension(url: "http://…")   name(fhirpath: "family.exists()")   entry(_offset: 5, _count: 5)
 */
import type { Definitions } from '../../fhir/definitions/definitions.js';
import { isNumber, isObject, type JsonObject, type JsonValue, literalOf } from '../../fhir/format/json.js';
import { sameNumber } from '../../fhir/primitives/decimal.js';
import { propertiesOf } from '../../fhir/properties.js';
import { nearest } from '../../fhir/search/nearest.js';
import { type Judge, readJudge } from './fhirpath.js';
import type { Match, Pick } from './plan.js';
import { hint, type Problems } from './problems.js';
import type { Argument } from './search-plan.js';

/** `type`: of the objects; of resources that may be any, what every resource has. */
export function readPick(
  type: string,
  given: readonly Argument[],
  definitions: Definitions,
  problems: Problems,
): { readonly pick?: Pick } {
  if (given.length === 0) return {};
  const matches: Match[] = [];
  let judge: Judge | undefined;
  let offset = 0;
  let count = Number.POSITIVE_INFINITY;
  for (const argument of given) {
    if (argument.name === '_offset') offset = wholeNumber(argument, problems);
    else if (argument.name === '_count') count = wholeNumber(argument, problems);
    else if (argument.name === 'fhirpath') judge = judgeOf(argument, definitions, problems);
    else matches.push(...matchOf(type, argument, definitions, problems));
  }
  return { pick: { matches, offset, count, ...(judge === undefined ? {} : { judge }) } };
}

/** `type`: as the definitions name it; `Resource` where each object says its own. */
export function picked(objects: readonly JsonObject[], type: string, pick: Pick): readonly JsonObject[] {
  const { matches, judge, offset, count } = pick;
  const found = objects.filter(
    (object) =>
      matches.every((match) => fulfils(object, match)) && (judge?.(object, actualType(object, type)) ?? true),
  );
  return found.slice(offset, offset + count);
}

export function actualType(value: JsonValue, type: string): string {
  return type === 'Resource' && isObject(value) && typeof value.resourceType === 'string'
    ? value.resourceType
    : type;
}

function fulfils(object: JsonObject, { property, values }: Match): boolean {
  const member = object[property];
  const own = Array.isArray(member) ? member : [member];
  return own.some((value) => value !== undefined && values.some((wanted) => same(value, wanted)));
}

function same(value: JsonValue, wanted: JsonValue): boolean {
  if (isNumber(value) && isNumber(wanted)) return sameNumber(literalOf(value), literalOf(wanted));
  return value === wanted;
}

function matchOf(
  type: string,
  { node, name, value }: Argument,
  definitions: Definitions,
  problems: Problems,
): readonly Match[] {
  const values = Array.isArray(value) ? value : [value];
  if (values.some((one) => Array.isArray(one) || isObject(one))) {
    problems.add(node, `the argument ${name} takes a value, or a list of values.`);
    return [];
  }
  const properties = propertiesOf(definitions)(type === 'Resource' ? 'Basic' : type);
  const property = properties.get(name);
  const simple = property?.primitive === true && !property.sibling;
  if (simple || (type === 'Resource' && name === 'resourceType')) {
    problems.accept(node);
    return [{ property: name, values }];
  }
  problems.add(node, () => {
    const members = [...properties.values()].filter(({ primitive, sibling }) => primitive && !sibling);
    const near = nearest(name, [...members.map((one) => one.name), 'fhirpath', '_offset', '_count']);
    const otherwise = 'elements are chosen by their simple members, fhirpath, _offset and _count.';
    return `there is no argument ${name} on ${type}: ${hint(near, otherwise)}`;
  });
  return [];
}

function wholeNumber({ node, name, value }: Argument, problems: Problems): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  problems.add(node, `the argument ${name} is a whole number, 0 or more.`);
  return 0;
}

function judgeOf({ node, value }: Argument, definitions: Definitions, problems: Problems): Judge | undefined {
  const judge = typeof value === 'string' ? readJudge(value, definitions) : 'it has to be a string';
  if (typeof judge !== 'string') return judge;
  problems.add(node, `the FHIRPath of the argument fhirpath cannot be evaluated: ${judge}.`, 'not-supported');
  return undefined;
}
