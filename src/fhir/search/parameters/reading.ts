/**
 * What readers of parameters are given, and the shape of the readers of values.
 */
import type { Definitions, SearchParameter } from '../../definitions/definitions.js';
import type { FilterExpression } from '../filter-expression/expression.js';
import type { ValueTest } from '../query.js';
import type { Problem } from './problem.js';

export interface Reading {
  readonly definitions: Definitions;
  /** Our own: absolute references under it are local. */
  readonly baseUrl?: string;
  /** Milliseconds; `ap` on dates is relative to it. */
  readonly now?: number;
  /** One that keeps its last answer saves reading a `_filter` once more for every type searched. */
  readonly parseFilterExpression?: (text: string) => FilterExpression | Problem;
}

/** The type whose parameter it is. */
export interface ParameterAt {
  readonly type: string;
  readonly parameter: SearchParameter;
}

/**
 * One alternative (no comma) as tests of which one must pass; none = nothing can match.
 * The text is still escaped.
 */
export type ReadValue = (text: string, at: ParameterAt, reading: Reading) => readonly SingleTest[] | Problem;

export type SingleTest = Exclude<ValueTest, { kind: 'composite' }>;
