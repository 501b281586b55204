/**
 * A FHIR search, as it came in a URL or a form, becomes a query.
 * https://hl7.org/fhir/R4/search.html
 *
 * Invariants: nothing is ignored silently: what is not understood is refused, or, under lenient handling, left out of what
 * was applied with a warning. All problems come at once. Repeated parameters are joined by AND, commas by OR.
 */
import type { Definitions } from '../definitions/definitions.js';
import type { Issue } from '../outcome.js';
import { type ContainedWish, containedProblems, partsWithContained } from './contained-search.js';
import { parseFilterExpression } from './filter-expression/parse.js';
import { readFilter } from './parameters/filter.js';
import { isProblems } from './parameters/modifiers.js';
import { Problem } from './parameters/problem.js';
import type { Reading } from './parameters/reading.js';
import {
  RESULT_PARAMETERS,
  type Results,
  readResult,
  type Summary,
  type Total,
} from './parameters/results.js';
import { readTypes, typesSearched } from './parameters/types.js';
import { Report } from './problem-report.js';
import type { Include, Predicate, QueryPart, SearchQuery } from './query.js';
import { refuseCriteria, refuseTooMany } from './search-limits.js';
import { allOf, sizeOf } from './tree.js';

export interface SearchScope {
  /** Absent: all types, or those of `_type`. */
  readonly type?: string;
  readonly compartment?: { readonly name: string; readonly id: string };
}

export type SearchPair = readonly [name: string, value: string];

export interface SearchOptions {
  /** Unknown parameters are left out with a warning. */
  readonly lenient: boolean;
  /** Milliseconds; `ap` on dates is relative to it. */
  readonly now: number;
  readonly baseUrl: string;
  readonly defaultCount: number;
  readonly maxCount: number;
}

export interface ParsedSearch {
  readonly query: SearchQuery;
  readonly count: number;
  readonly total: Total;
  readonly includes: readonly Include[];
  readonly summary?: Summary;
  readonly elements?: readonly string[];
  /** Tell how it is executed, instead of what it finds. */
  readonly explain: boolean;
  readonly warnings: readonly Issue[];
  /** As executed, in the order given; parsing it again gives the same search. */
  readonly applied: readonly SearchPair[];
}

/** What a search has come to while its parameters are read. */
interface FilterDraft {
  readonly types: readonly string[];
  /** Per type, in the same order. */
  readonly filters: readonly Predicate[][];
  readonly reading: Reading;
  readonly report: Report;
}

interface Draft extends FilterDraft {
  readonly results: Results;
  readonly maxCount: number;
}

/** Read by others: the content negotiation and the pager. */
const NOT_OURS: ReadonlySet<string> = new Set(['_format', '_pretty', '_cursor']);

/** Throws a Refusal with all problems. */
export function parseSearch(
  definitions: Definitions,
  scope: SearchScope,
  pairs: readonly SearchPair[],
  options: SearchOptions,
): ParsedSearch {
  const report = new Report(options.lenient);
  const wanted = distinctPairs(pairs.filter(([name]) => !NOT_OURS.has(name)));
  const types = searchedTypes(scope, wanted, definitions, report);
  refuseTooMany(wanted, types.length);
  const draft: Draft = {
    types,
    filters: types.map(() => compartmentOf(scope)),
    results: { sort: [], includes: [] },
    reading: {
      definitions,
      baseUrl: options.baseUrl,
      now: options.now,
      parseFilterExpression: keepingLast(parseFilterExpression),
    },
    maxCount: options.maxCount,
    report,
  };
  const applied: SearchPair[] = [];
  for (const [name, value] of wanted) {
    const taken = takePair(name, value, draft);
    if (taken !== undefined) applied.push([name, taken]);
  }
  checkCombination(draft);
  report.throwIfRefused();
  return finished(draft, options, applied);
}

/** Criteria of a conditional interaction: filters alone, all of them understood. */
export function parseCondition(
  definitions: Definitions,
  type: string,
  criteria: string | readonly SearchPair[],
  options: { readonly baseUrl?: string; readonly now?: number } = {},
): Predicate {
  const pairs = distinctPairs(typeof criteria === 'string' ? [...new URLSearchParams(criteria)] : criteria);
  refuseTooMany(pairs, 1);
  const report = new Report(false);
  const filters: Predicate[][] = [[]];
  const draft: FilterDraft = { types: [type], filters, reading: { definitions, ...options }, report };
  for (const [name, value] of pairs) {
    if (RESULT_PARAMETERS.has(name.split(':')[0] ?? '') || NOT_OURS.has(name)) {
      report.add(name, new Problem('malformed', 'says how a result looks and is no criterion'));
    } else takeFilter(name, value, draft);
  }
  report.throwIfRefused();
  return allOf(filters[0] ?? []);
}

function searchedTypes(
  scope: SearchScope,
  pairs: readonly SearchPair[],
  definitions: Definitions,
  report: Report,
): readonly string[] {
  const named = pairs.filter(([name]) => name === '_type').map(([, value]) => value);
  if (named.length === 0) return typesSearched(scope, definitions);
  const types = readTypes(named, scope, definitions);
  if (!(types instanceof Problem)) return types;
  report.add('_type', types);
  return [];
}

function compartmentOf({ compartment }: SearchScope): Predicate[] {
  return compartment === undefined ? [] : [{ op: 'compartment', ...compartment }];
}

/** Every type searched asks for the same text in turn. */
function keepingLast<T>(read: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly answer: T } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, answer: read(text) };
    return last.answer;
  };
}

/** Saying the same thing twice says nothing more. */
function distinctPairs(pairs: readonly SearchPair[]): readonly SearchPair[] {
  return [...new Map(pairs.map((pair) => [`${pair[0]}=${pair[1]}`, pair])).values()];
}

const EMPTY = new Problem('empty', 'has no value: give one or leave the parameter out');

/** The value as executed; undefined where the parameter was left out. */
function takePair(name: string, value: string, draft: Draft): string | undefined {
  if (name === '_type') return value;
  const [base = '', modifier] = name.split(':', 2);
  if (!RESULT_PARAMETERS.has(base)) return takeFilter(name, value, draft);
  const { types, maxCount, results, report } = draft;
  const scope = { definitions: draft.reading.definitions, types, maxCount };
  const taken = value === '' ? EMPTY : readResult(base, modifier, value, scope, results);
  if (!(taken instanceof Problem)) return taken;
  report.add(name, taken);
  return undefined;
}

/** Adds the filter to every type; a filter that one type does not know is a problem of all. */
function takeFilter(
  name: string,
  value: string,
  { types, filters, reading, report }: FilterDraft,
): string | undefined {
  if (value === '') {
    report.add(name, EMPTY);
    return undefined;
  }
  const found: Predicate[] = [];
  for (const type of types) {
    const predicate = readFilter(type, name, value, reading);
    if (isProblems(predicate)) {
      report.addAll(name, predicate);
      return undefined;
    }
    found.push(predicate);
  }
  for (const [at, predicate] of found.entries()) filters[at]?.push(predicate);
  return value;
}

function checkCombination({ types, filters, results, reading, report }: Draft): void {
  const { summary, sort, includes } = results;
  const searched = { parts: partsOf(types, filters), sort, includes };
  for (const [name, problem] of containedProblems(searched, containedWish(results), reading.definitions)) {
    report.add(name, problem);
  }
  if (summary === 'text' && includes.length > 0) {
    report.add('_summary', new Problem('malformed', 'cannot be text together with _include or _revinclude'));
  }
}

function containedWish({ contained = 'false', containedType = 'container' }: Results): ContainedWish {
  return { contained, containedType };
}

function partsOf(types: readonly string[], filters: readonly Predicate[][]): readonly QueryPart[] {
  return types.map((type, at) => ({ type, where: allOf(filters[at] ?? []) }));
}

function finished(
  { types, filters, results, reading, report }: Draft,
  options: SearchOptions,
  applied: readonly SearchPair[],
): ParsedSearch {
  const searched = partsOf(types, filters);
  const parts = partsWithContained(searched, containedWish(results), reading.definitions);
  refuseCriteria(parts.reduce((sum, { where }) => sum + sizeOf(where), 0));
  const { sort, includes, count, total = 'none', summary, elements, explain = false } = results;
  const countOnly = summary === 'count' || count === 0;
  return {
    query: { parts, sort },
    count: countOnly ? 0 : (count ?? Math.min(options.defaultCount, options.maxCount)),
    total: countOnly && total === 'none' ? 'accurate' : total,
    includes: countOnly ? [] : includes,
    ...(summary === undefined ? {} : { summary }),
    ...(elements === undefined ? {} : { elements }),
    explain,
    warnings: report.warnings,
    applied,
  };
}
