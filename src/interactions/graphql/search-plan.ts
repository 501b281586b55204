/**
 * Arguments of `PatientList` and `PatientConnection` → the pairs of a FHIR search.
 * https://hl7.org/fhir/R4/graphql.html#searching, https://hl7.org/fhir/R4/graphql.html#reverse
 *
 *   ConditionList(clinical_status: [active, relapse], patient: "1")   ▶  clinical-status=active,relapse&patient=1
 *
 * A list of values is OR; a list of lists is AND of these. A comma in a value is part of it.
 *
 * Invariant: what comes out was parsed once, so that a search that cannot be is refused before anything is read.
 */
import type { ArgumentNode, ASTNode } from 'graphql';
import type { JsonValue } from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';
import { nearest } from '../../fhir/search/nearest.js';
import { type ParsedSearch, parseSearch, type SearchPair } from '../../fhir/search/parse-search.js';
import type { Context } from '../context.js';
import { searchableParameters } from '../searchable.js';
import { type Judge, readJudge } from './fhirpath.js';
import { hint, type Problems } from './problems.js';
import { textOf } from './values.js';

export interface SearchPlan {
  readonly type: string;
  readonly pairs: readonly SearchPair[];
  /** The parameter by which what is found refers to the resource in focus. */
  readonly reference?: string;
  readonly fhirpath?: string;
  readonly judge?: Judge;
  readonly cursor?: string;
  /** How many the client wants, where it says so. */
  readonly count?: number;
  /** A connection whose `count` is asked for. */
  readonly wantsTotal: boolean;
}

/** An argument with its value, which is neither absent nor null. */
export interface Argument {
  readonly node: ArgumentNode;
  readonly name: string;
  readonly value: JsonValue;
}

export interface SearchField {
  readonly node: ASTNode;
  readonly kind: 'list' | 'connection';
  readonly type: string;
  /** The type of the resource in focus; absent for the system. */
  readonly focus?: string;
  readonly wantsTotal: boolean;
}

const RESULT_ARGUMENTS: readonly string[] = ['_sort', '_count'];

export function readSearchPlan(
  field: SearchField,
  given: readonly Argument[],
  context: Context,
  problems: Problems,
): SearchPlan | undefined {
  const { type, wantsTotal } = field;
  const pairs: SearchPair[] = [];
  const special = new Map<string, string>();
  const { names, specials } = argumentsOf(field, context);
  for (const { node, name, value } of given) {
    const code = names.get(name);
    if (specials.includes(name)) {
      const text = textOf(value);
      if (text === undefined) problems.add(node, `the argument ${name} takes one value.`);
      else special.set(name === 'cursor' ? '_cursor' : name, text);
    } else if (code === undefined) {
      const near = (): readonly string[] => nearest(name, [...names.keys(), ...specials]);
      problems.add(node, () => `${type} is not searched by ${name}: ${hint(near(), MORE)}`, 'not-supported');
    } else pairs.push(...pairsOf(code, value, node, problems));
  }
  const fhirpath = special.get('fhirpath');
  const judge = fhirpath === undefined ? undefined : judgeOf(fhirpath, field.node, context, problems);
  const reference = referenceOf(field, special.get('_reference'), names, context, problems);
  const cursor = special.get('_cursor');
  const parsed = parsedSearch(type, pairs, context, field.node, problems);
  if (parsed === undefined || (field.focus !== undefined && reference === undefined)) return undefined;
  const counted = pairs.find(([name]) => name === '_count');
  return {
    type,
    pairs,
    wantsTotal,
    ...(counted === undefined ? {} : { count: Number(counted[1]) }),
    ...(reference === undefined ? {} : { reference }),
    ...(fhirpath === undefined || judge === undefined ? {} : { fhirpath, judge }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

const MORE = 'arguments are its search parameters, with _ for each -.';

interface Arguments {
  /** Name in GraphQL → code of the search parameter. */
  readonly names: ReadonlyMap<string, string>;
  /** Those that are no search parameters. */
  readonly specials: readonly string[];
}

function argumentsOf({ type, kind, focus }: SearchField, { knowledge }: Context): Arguments {
  const codes = searchableParameters(knowledge.definitions, type).map(({ code }) => code);
  const names = new Map([...codes, ...RESULT_ARGUMENTS].map((code) => [code.replaceAll('-', '_'), code]));
  if (focus !== undefined) return { names, specials: ['fhirpath', '_reference'] };
  return { names, specials: kind === 'connection' ? ['fhirpath', '_cursor', 'cursor'] : ['fhirpath'] };
}

function pairsOf(code: string, value: JsonValue, node: ASTNode, problems: Problems): readonly SearchPair[] {
  const all = Array.isArray(value) ? value : [value];
  const groups = all.some(Array.isArray) ? all.map((one) => (Array.isArray(one) ? one : [one])) : [all];
  return groups.flatMap((group): readonly SearchPair[] => {
    const texts = group.map((one) => textOf(one)).filter((text) => text !== undefined);
    if (texts.length === group.length && texts.length > 0) return [[code, joined(code, texts)]];
    problems.add(node, `the argument ${code.replaceAll('-', '_')} takes values, or lists of values.`);
    return [];
  });
}

/** In `_sort` commas are the syntax; elsewhere the list is, and a comma stands for itself. */
function joined(code: string, texts: readonly string[]): string {
  return texts.map((text) => (code === '_sort' ? text : text.replace(/(?<!\\),/g, '\\,'))).join(',');
}

function judgeOf(text: string, node: ASTNode, context: Context, problems: Problems): Judge | undefined {
  const judge = readJudge(text, context.knowledge.definitions);
  if (typeof judge !== 'string') return judge;
  problems.add(node, `the FHIRPath of the argument fhirpath cannot be evaluated: ${judge}.`, 'not-supported');
  return undefined;
}

/** https://hl7.org/fhir/R4/graphql.html#reverse: the parameter has to be able to lead to the resource in focus. */
function referenceOf(
  { node, type, focus }: SearchField,
  given: string | undefined,
  names: ReadonlyMap<string, string>,
  { knowledge }: Context,
  problems: Problems,
): string | undefined {
  if (focus === undefined) return undefined;
  const fitting = searchableParameters(knowledge.definitions, type)
    .filter(
      ({ type: kind, targets }) => kind === 'reference' && (targets.length === 0 || targets.includes(focus)),
    )
    .map(({ code }) => code);
  const code = given === undefined ? undefined : (names.get(given) ?? given);
  if (code !== undefined && fitting.includes(code)) return code;
  const offered = fitting.map((one) => one.replaceAll('-', '_')).join(', ');
  const way = fitting.length === 0 ? `no parameter of ${type} does.` : `it is one of ${offered}.`;
  const text = `_reference has to name the parameter by which ${type} refers to ${focus}: ${way}`;
  problems.add(node, text, given === undefined ? 'required' : 'value');
  return undefined;
}

function parsedSearch(
  type: string,
  pairs: readonly SearchPair[],
  context: Context,
  node: ASTNode,
  problems: Problems,
): ParsedSearch | undefined {
  try {
    return parsePairs(type, pairs, context.clock.now(), context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    for (const { text, code } of error.issues.slice(0, 1)) problems.add(node, text, code);
    return undefined;
  }
}

export function parsePairs(
  type: string,
  pairs: readonly SearchPair[],
  now: number,
  { knowledge, baseUrl, settings }: Context,
): ParsedSearch {
  const { defaultCount, maxCount } = settings;
  return parseSearch(knowledge.definitions, { type }, pairs, {
    lenient: false,
    now,
    baseUrl,
    defaultCount,
    maxCount,
  });
}
