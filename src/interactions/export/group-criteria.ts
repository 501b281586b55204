/**
 * Groups whose members are told by criteria: a predicate on Patient that is resolved as of the export.
 * https://hl7.org/fhir/uv/bulkdata/STU3/en/StructureDefinition-bulk-cohort-group.html (member-filter),
 * https://hl7.org/fhir/R4/group.html (characteristic)
 *
 *   member-filter    searches on one type each; a member meets all of them, or has something in the record that does
 *   characteristic   of those in the table below; a member has all of them, and none that is marked as excluding
 *
 * Members that are listed are members as far as they meet the filters; characteristics of listed members only describe them.
 *
 * Invariant: what is not understood is refused by name. Criteria are a search by whoever asks: a type that may not be searched
 * is refused, and what is hidden makes nobody a member.
 */
import { isObject, type JsonObject, type JsonValue, type ResourceObject } from '../../fhir/format/json.js';
import { type Issue, Refusal } from '../../fhir/outcome.js';
import { isInWildcards, typesInScope } from '../../fhir/search/parameters/types.js';
import type { Predicate } from '../../fhir/search/query.js';
import { allOf, anyOf, noneOf, typesLedTo } from '../../fhir/search/tree.js';
import type { Context } from '../context.js';
import { permit } from '../permit.js';
import { criteriaOf } from './type-filters.js';

const MEMBER_FILTER = 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter';
const QUERY_LANGUAGE = 'application/x-fhir-query';
/** The index values of membership. */
const COMPARTMENT = '@Patient';

const LOINC = 'http://loinc.org';
const SNOMED = 'http://snomed.info/sct';
const GENDER = 'http://hl7.org/fhir/administrative-gender';

/** A characteristic that can be said exactly as a search. */
interface Characteristic {
  readonly name: string;
  readonly codes: readonly (readonly [system: string, code: string])[];
  /** What its value must be. */
  readonly takes: 'valueCodeableConcept' | 'valueBoolean';
  /** Codes of other systems say nothing that is searched for. */
  readonly system?: string;
  readonly search: (value: string) => string;
}

const CHARACTERISTICS: readonly Characteristic[] = [
  {
    name: 'gender',
    codes: [
      [LOINC, '46098-0'],
      [SNOMED, '263495000'],
    ],
    takes: 'valueCodeableConcept',
    system: GENDER,
    search: (value) => `Patient?gender=${value}`,
  },
  {
    name: 'diagnosis',
    codes: [
      [LOINC, '29308-4'],
      [SNOMED, '439401001'],
    ],
    takes: 'valueCodeableConcept',
    search: (value) => `Condition?code=${value}`,
  },
  {
    name: 'deceased',
    codes: [[SNOMED, '419099009']],
    takes: 'valueBoolean',
    search: (value) => `Patient?deceased=${value}`,
  },
];

/** Elements of a characteristic that are understood, or say nothing that matters. */
const UNDERSTOOD = new Set(['id', 'extension', 'code', 'exclude', '_exclude']);

/** Undefined: its members are those that it lists. */
export async function memberCriteria(
  group: ResourceObject,
  context: Context,
): Promise<Predicate | undefined> {
  const issues: Issue[] = [];
  const filters = modifiersOf(group, issues);
  const isListed = Array.isArray(group.member);
  const characteristics = isListed ? [] : objectsIn(group.characteristic);
  if (issues.length === 0 && filters.length + characteristics.length === 0) {
    if (isListed || group.actual !== false) return undefined;
    add(issues, 'Group', 'lists no members, and describes them by no member-filter and no characteristic.');
  }
  if (group.type !== 'person')
    add(issues, 'Group.type', 'must be person: members who are told by criteria are patients.');
  const criteria: Predicate[] = [];
  for (const [at, filter] of filters.entries()) {
    const search = readFilter(filter, `Group.modifierExtension[${at}]`, issues);
    if (search !== undefined) criteria.push(...(await searched(search, issues, context)));
  }
  for (const [at, one] of characteristics.entries()) {
    const place = `Group.characteristic[${at}]`;
    const meant = readCharacteristic(one, place, issues);
    if (meant === undefined) continue;
    const found: Predicate[] = [];
    for (const search of meant.searches) found.push(...(await searched({ search, place }, issues, context)));
    criteria.push(one.exclude === true ? noneOf(anyOf(found)) : anyOf(found));
  }
  if (issues.length > 0) throw new Refusal('unprocessable', issues);
  const where = allOf(criteria);
  for (const type of typesLedTo(where)) permit(context, type, 'search');
  return where;
}

function add(issues: Issue[], expression: string, text: string): void {
  issues.push({
    severity: 'error',
    code: 'not-supported',
    text: `${expression} ${text}`,
    expression: [expression],
  });
}

function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The filters; a modifier that is not known may turn everything round. */
function modifiersOf({ modifierExtension }: ResourceObject, issues: Issue[]): readonly JsonObject[] {
  const modifiers = objectsIn(modifierExtension);
  for (const [at, { url }] of modifiers.entries()) {
    if (url === MEMBER_FILTER) continue;
    add(issues, `Group.modifierExtension[${at}]`, `is not understood: known is ${MEMBER_FILTER}.`);
  }
  return modifiers;
}

interface Search {
  readonly search: string;
  readonly place: string;
}

function readFilter(
  { url, valueExpression }: JsonObject,
  place: string,
  issues: Issue[],
): Search | undefined {
  if (url !== MEMBER_FILTER) return undefined; // told of already
  const { language, expression } = isObject(valueExpression) ? valueExpression : {};
  if (language !== QUERY_LANGUAGE) {
    add(issues, `${place}.valueExpression.language`, `must be ${QUERY_LANGUAGE}.`);
    return undefined;
  }
  const isQuery = typeof expression === 'string' && /^[A-Z][A-Za-z]+\?[^{}]+$/.test(expression);
  if (isQuery) return { search: expression, place: `${place}.valueExpression.expression` };
  add(
    issues,
    `${place}.valueExpression.expression`,
    'must be a search on one type, such as Condition?code=http://snomed.info/sct|44054006.',
  );
  return undefined;
}

/** As a predicate on Patient: of patients, or of what is in the record of one. None: it was added to the issues. */
async function searched({ search, place }: Search, issues: Issue[], context: Context): Promise<Predicate[]> {
  const mark = search.indexOf('?');
  const type = search.slice(0, mark);
  const compartment = { name: 'Patient', id: '' };
  const types = typesInScope({ compartment }, context.knowledge.definitions).filter(isInWildcards);
  if (!types.includes(type)) {
    add(issues, place, `is about ${type}, which is not in the records of patients.`);
    return [];
  }
  const problems: Issue[] = [];
  const where = await criteriaOf(type, search.slice(mark + 1), problems, context);
  for (const { text } of problems) add(issues, place, `cannot be searched by: ${text}`);
  if (where === undefined || problems.length > 0) return [];
  return [type === 'Patient' ? where : { op: 'has', param: COMPARTMENT, source: { type, where } }];
}

function readCharacteristic(
  one: JsonObject,
  place: string,
  issues: Issue[],
): { readonly searches: readonly string[] } | undefined {
  const codings = isObject(one.code) ? objectsIn(one.code.coding) : [];
  const known = CHARACTERISTICS.find(({ codes }) =>
    codings.some(({ system, code }) => codes.some((each) => each[0] === system && each[1] === code)),
  );
  if (known === undefined) {
    const table = CHARACTERISTICS.map(
      ({ name, codes }) => `${name} (${codes.map((each) => each.join('|')).join(', ')})`,
    );
    add(
      issues,
      `${place}.code`,
      `is no characteristic that is known here: there are ${table.join('; ')}. Others can be said by ${MEMBER_FILTER}, or the members listed in Group.member.`,
    );
    return undefined;
  }
  const strange = Object.keys(one).find((name) => !UNDERSTOOD.has(name) && name !== known.takes);
  if (strange !== undefined) {
    add(issues, `${place}.${strange}`, `is not understood: ${known.name} takes ${known.takes} and exclude.`);
    return undefined;
  }
  const values =
    known.takes === 'valueBoolean' ? truth(one.valueBoolean) : codesOf(one.valueCodeableConcept, known);
  if (values.length > 0) return { searches: values.map(known.search) };
  add(issues, `${place}.${known.takes}`, `must be given: ${wantedOf(known)}.`);
  return undefined;
}

function wantedOf({ takes, system }: Characteristic): string {
  if (takes === 'valueBoolean') return 'true or false';
  return system === undefined ? 'a coding with system and code' : `a coding of ${system}`;
}

function truth(value: JsonValue | undefined): readonly string[] {
  return typeof value === 'boolean' ? [String(value)] : [];
}

/** Codings of one concept mean the same; each is searched for. */
function codesOf(concept: JsonValue | undefined, { system: only }: Characteristic): readonly string[] {
  const codings = isObject(concept) ? objectsIn(concept.coding) : [];
  return codings.flatMap(({ system, code }) =>
    typeof system !== 'string' || typeof code !== 'string' || (only !== undefined && system !== only)
      ? []
      : [encodeURIComponent(`${escaped(system)}|${escaped(code)}`)],
  );
}

/** https://hl7.org/fhir/R4/search.html#escaping */
function escaped(text: string): string {
  return text.replace(/[\\,$|]/g, '\\$&');
}
