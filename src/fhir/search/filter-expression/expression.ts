/**
 * A `_filter` as a tree, before it is known on which resource type it stands.
 * https://hl7.org/fhir/R4/search_filter.html
 *
 * Invariant: plain data; every part knows where it began, so that what is wrong with it can be pointed at.
 */
export const OPERATORS = [
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'lt',
  'ge',
  'le',
  'ap',
  'sa',
  'eb',
  'pr',
  'po',
  'ss',
  'sb',
  'in',
  'ni',
  're',
] as const;

export type Operator = (typeof OPERATORS)[number];

export type FilterExpression =
  | { readonly kind: 'and' | 'or'; readonly of: readonly FilterExpression[] }
  | { readonly kind: 'not'; readonly of: FilterExpression }
  | Comparison;

export interface Comparison {
  readonly kind: 'comparison';
  /** Each step but the last leads to other resources. */
  readonly path: readonly [...PathStep[], Parameter];
  readonly operator: Operator;
  readonly operatorAt: number;
  readonly value: FilterValue;
}

/** `text`: a JSON string, unescaped. `word`: as it stands. */
export interface FilterValue {
  readonly kind: 'text' | 'word';
  readonly value: string;
  readonly at: number;
}

export type PathStep = Parameter | Reversed;

/** `subject`, `subject:Patient`, `subject[gender eq male]`. Positions count code units from 0. */
export interface Parameter {
  readonly kind: 'parameter';
  readonly code: string;
  /** The type of the references that are followed. */
  readonly only?: string;
  readonly where?: FilterExpression;
  readonly at: number;
}

/** `_has:Observation:patient:` */
export interface Reversed {
  readonly kind: 'reversed';
  readonly source: string;
  readonly code: string;
  readonly at: number;
}
