/**
 * A FHIR search, as it came in a URL or a form, becomes a query.
 * https://hl7.org/fhir/R4/search.html
 *
 * Invariants: nothing is ignored silently: what is not understood is refused, or, under lenient handling, left out of what
 * was applied with a warning. All problems come at once. Repeated parameters are joined by AND, commas by OR.
 */
import type { Definitions } from '../definitions/definitions.js';
import type { Issue } from '../outcome.js';
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
import { readTypes, typesInScope } from './parameters/types.js';
import { type Named, Report } from './problem-report.js';
import type { Include, Predicate, QueryPart, SearchQuery } from './query.js';
import { allOf } from './tree.js';

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
  readonly warnings: readonly Issue[];
  /** As executed, in the order given; parsing it again gives the same search. */
  readonly applied: readonly SearchPair[];
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
  const wanted = pairs.filter(([name]) => !NOT_OURS.has(name));
  const types = searchedTypes(scope, wanted, definitions, report);
  const reading: Reading = { definitions, baseUrl: options.baseUrl, now: options.now };
  const filters: Predicate[][] = types.map(() => compartmentOf(scope));
  const results: Results = { sort: [], includes: [] };
  const applied: SearchPair[] = [];
  for (const [name, value] of wanted) {
    const taken = takePair({ name, value }, types, filters, results, reading, options, report);
    if (taken !== undefined) applied.push([name, taken]);
  }
  checkCombination(results, report);
  report.throwIfRefused();
  const parts = types.map((type, at): QueryPart => ({ type, where: allOf(filters[at] ?? []) }));
  return finished(parts, results, options, report.warnings, applied);
}

/** Criteria of a conditional interaction: filters alone, all of them understood. */
export function parseCondition(
  definitions: Definitions,
  type: string,
  criteria: string | readonly SearchPair[],
  options: { readonly baseUrl?: string; readonly now?: number } = {},
): Predicate {
  const pairs = typeof criteria === 'string' ? [...new URLSearchParams(criteria)] : criteria;
  const report = new Report(false);
  const reading: Reading = { definitions, ...options };
  const filters: Predicate[][] = [[]];
  for (const [name, value] of pairs) {
    if (RESULT_PARAMETERS.has(name.split(':')[0] ?? '') || NOT_OURS.has(name)) {
      report.add(name, new Problem('malformed', 'says how a result looks and is no criterion'));
    } else takeFilter({ name, value }, [type], filters, reading, report);
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
  if (named.length === 0) return typesInScope(scope, definitions);
  const types = readTypes(named, scope, definitions);
  if (!(types instanceof Problem)) return types;
  report.add('_type', types);
  return [];
}

function compartmentOf({ compartment }: SearchScope): Predicate[] {
  return compartment === undefined ? [] : [{ op: 'compartment', ...compartment }];
}

/** The value as executed; undefined where the parameter was left out. */
function takePair(
  { name, value }: Named,
  types: readonly string[],
  filters: readonly Predicate[][],
  results: Results,
  reading: Reading,
  { maxCount }: SearchOptions,
  report: Report,
): string | undefined {
  if (name === '_type') return value;
  const [base = '', modifier] = name.split(':');
  if (!RESULT_PARAMETERS.has(base)) return takeFilter({ name, value }, types, filters, reading, report);
  const { definitions } = reading;
  const taken =
    value === '' ? EMPTY : readResult(base, modifier, value, { definitions, types, maxCount }, results);
  if (!(taken instanceof Problem)) return taken;
  report.add(name, taken);
  return undefined;
}

const EMPTY = new Problem('empty', 'has no value: give one or leave the parameter out');

/** Adds the filter to every type; a filter that one type does not know is a problem of all. */
function takeFilter(
  { name, value }: Named,
  types: readonly string[],
  filters: readonly Predicate[][],
  reading: Reading,
  report: Report,
): string | undefined {
  if (value === '') {
    report.add(name, EMPTY);
    return undefined;
  }
  const found = types.map((type) => readFilter(type, name, value, reading));
  const problems = found.filter(isProblems);
  if (problems.length > 0) {
    report.addAll(name, problems.flat(), types.length);
    return undefined;
  }
  for (const [at, predicate] of found.entries()) {
    if (!isProblems(predicate)) filters[at]?.push(predicate);
  }
  return value;
}

function checkCombination({ summary, includes }: Results, report: Report): void {
  if (summary === 'text' && includes.length > 0) {
    report.add('_summary', new Problem('malformed', 'cannot be text together with _include or _revinclude'));
  }
}

function finished(
  parts: readonly QueryPart[],
  { sort, includes, count, total = 'none', summary, elements }: Results,
  options: SearchOptions,
  warnings: readonly Issue[],
  applied: readonly SearchPair[],
): ParsedSearch {
  const countOnly = summary === 'count' || count === 0;
  return {
    query: { parts, sort },
    count: countOnly ? 0 : (count ?? Math.min(options.defaultCount, options.maxCount)),
    total: countOnly && total === 'none' ? 'accurate' : total,
    includes: countOnly ? [] : includes,
    ...(summary === undefined ? {} : { summary }),
    ...(elements === undefined ? {} : { elements }),
    warnings,
    applied,
  };
}
