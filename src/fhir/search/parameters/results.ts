/**
 * Parameters that say how a result looks, not what matches: `_sort`, `_count`, `_include`, `_summary` …
 * https://hl7.org/fhir/R4/search.html#return
 *
 * Invariant: each is understood completely or is a problem; what they say is kept as it will be executed.
 */
import type { Definitions } from '../../definitions/definitions.js';
import type { Contained, ContainedType } from '../contained-search.js';
import type { Include, SortKey } from '../query.js';
import { readElements } from './elements.js';
import { readInclude } from './includes.js';
import { malformed, Problem } from './problem.js';
import { readSort } from './sort.js';

export type Total = 'none' | 'estimate' | 'accurate';
export type Summary = 'true' | 'text' | 'data' | 'count' | 'false';

/** What result parameters are read against. */
export interface ResultScope {
  readonly definitions: Definitions;
  /** The types searched. */
  readonly types: readonly string[];
  readonly maxCount: number;
}

/** What has been read so far. */
export interface Results {
  sort: readonly SortKey[];
  includes: readonly Include[];
  count?: number;
  total?: Total;
  summary?: Summary;
  elements?: readonly string[];
  explain?: boolean;
  contained?: Contained;
  containedType?: ContainedType;
}

/** Puts what a value says into the results and answers the value as executed, or a problem. */
type ReadResult = (
  value: string,
  modifier: string | undefined,
  scope: ResultScope,
  results: Results,
) => string | Problem;

const RESULTS: Readonly<Record<string, ReadResult>> = {
  _count: plain((value, { maxCount }, results) => {
    if (results.count !== undefined) return twice();
    if (!/^\d{1,15}$/.test(value)) return malformed('must be a whole number, 0 or more');
    results.count = Math.min(Number(value), maxCount);
    return String(results.count);
  }),
  _total: plain((value, _scope, results) => {
    if (results.total !== undefined) return twice();
    const total = oneOf<Total>(value, ['none', 'estimate', 'accurate']);
    if (total instanceof Problem) return total;
    results.total = total;
    return value;
  }),
  _summary: plain((value, _scope, results) => {
    if (results.summary !== undefined) return twice();
    const summary = oneOf<Summary>(value, ['true', 'text', 'data', 'count', 'false']);
    if (summary instanceof Problem) return summary;
    results.summary = summary;
    return value;
  }),
  _elements: plain((value, scope, results) => {
    const elements = readElements(value, scope.definitions);
    if (elements instanceof Problem) return elements;
    results.elements = [...new Set([...(results.elements ?? []), ...elements])];
    return value;
  }),
  _sort: plain((value, { types, definitions }, results) => {
    const keys = readSort(value, types, definitions);
    if (keys instanceof Problem) return keys;
    results.sort = [...results.sort, ...keys];
    return value;
  }),
  _include: include('forward'),
  _revinclude: include('reverse'),
  // Our own: how the search is executed, instead of what it finds.
  _explain: plain((value, _scope, results) => {
    if (results.explain !== undefined) return twice();
    const explain = oneOf(value, ['true', 'false']);
    if (explain instanceof Problem) return explain;
    results.explain = explain === 'true';
    return value;
  }),
  _contained: plain((value, _scope, results) => {
    if (results.contained !== undefined) return twice();
    const contained = oneOf<Contained>(value, ['false', 'true', 'both']);
    if (contained instanceof Problem) return contained;
    results.contained = contained;
    return value;
  }),
  _containedType: plain((value, _scope, results) => {
    if (results.containedType !== undefined) return twice();
    const type = oneOf<ContainedType>(value, ['container', 'contained']);
    if (type instanceof Problem) return type;
    results.containedType = type;
    return value;
  }),
};

export const RESULT_PARAMETERS: ReadonlySet<string> = new Set(Object.keys(RESULTS));

/** `name` is one of RESULT_PARAMETERS. */
export function readResult(
  name: string,
  modifier: string | undefined,
  value: string,
  scope: ResultScope,
  results: Results,
): string | Problem {
  const read = RESULTS[name];
  return read === undefined ? notServed() : read(value, modifier, scope, results);
}

function plain(read: (value: string, scope: ResultScope, results: Results) => string | Problem): ReadResult {
  return (value, modifier, scope, results) =>
    modifier === undefined ? read(value, scope, results) : new Problem('modifier', 'takes no modifier');
}

function include(direction: Include['direction']): ReadResult {
  return (value, modifier, scope, results) => {
    if (modifier !== undefined && modifier !== 'iterate' && modifier !== 'recurse') {
      return new Problem('modifier', 'takes no modifier but :iterate');
    }
    const found = readInclude(value, direction, modifier !== undefined, scope);
    if (found instanceof Problem) return found;
    results.includes = [...results.includes, ...found];
    return value;
  };
}

function oneOf<T extends string>(value: string, possible: readonly T[]): T | Problem {
  return possible.find((one) => one === value) ?? malformed(`must be one of ${possible.join(', ')}`);
}

function twice(): Problem {
  return malformed('is given more than once');
}

function notServed(): Problem {
  return new Problem('unsupported', 'is not supported here');
}
