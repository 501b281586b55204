/**
 * Boolean expressions as closures: criteria of `where`, and expressions that are themselves a truth value.
 * https://hl7.org/fhirpath/N1/#boolean-logic
 *
 * Invariant: three-valued as FHIRPath is; undefined stands for its empty collection.
 */
import type { JsonObject, JsonValue } from '../../format/json.js';
import { compileExpression, type Scope, type Step, type Walk } from './compile.js';
import { type Expression, UnsupportedExpression } from './expression.js';

export type Criterion<W extends Walk> = (value: JsonValue, walk: W) => boolean | undefined;

export function compileCriterion<W extends Walk>(expression: Expression, scope: Scope): Criterion<W> {
  switch (expression.kind) {
    case 'and':
      return both(compileCriterion<W>(expression.left, scope), compileCriterion<W>(expression.right, scope));
    case 'equals':
      return equality(expression, scope);
    case 'exists': {
      const values = collected<W>(expression.of, scope);
      return (value, walk) => values(value, walk).length > 0;
    }
    case 'has-extension': {
      const { of, url } = expression;
      return compileCriterion({ kind: 'exists', of: { kind: 'extension', of, url } }, scope);
    }
    case 'resolves-to': {
      if (expression.of.kind !== 'focus') break;
      const { type } = expression;
      return (value) => scope.resolvesTo(value, type);
    }
  }
  throw new UnsupportedExpression(scope.text, `${expression.kind} is no criterion`);
}

function both<W extends Walk>(left: Criterion<W>, right: Criterion<W>): Criterion<W> {
  return (value, walk) => {
    const first = left(value, walk);
    if (first === false) return false;
    const second = right(value, walk);
    if (second === false) return false;
    return first === undefined || second === undefined ? undefined : true;
  };
}

function equality<W extends Walk>(
  expression: Extract<Expression, { kind: 'equals' }>,
  scope: Scope,
): Criterion<W> {
  const { left, right, negated } = expression;
  if (right.kind !== 'literal') {
    throw new UnsupportedExpression(scope.text, 'the right side of a comparison must be a literal');
  }
  const wanted = right.value;
  const key = plainProperty(left, scope);
  if (key !== undefined) {
    return (value) => {
      const found = (value as JsonObject)[key]; // a scalar has no such property, which gives undefined
      return found === undefined ? undefined : (found === wanted) !== negated;
    };
  }
  const values = collected<W>(left, scope);
  return (value, walk) => {
    const found = values(value, walk);
    return found.length === 0 ? undefined : (found.length === 1 && found[0] === wanted) !== negated;
  };
}

/** `system` of a ContactPoint: one JSON property with one primitive, compared where it stands. */
function plainProperty(expression: Expression, scope: Scope): string | undefined {
  if (expression.kind !== 'member' || expression.of.kind !== 'focus') return undefined;
  const branches = scope.elements(scope.focus, expression.name);
  return branches.length === 1 && branches[0]?.type === 'code' ? branches[0].key : undefined;
}

/** All values of an expression. `found` is filled and read within one synchronous call. */
function collected<W extends Walk>(
  expression: Expression,
  scope: Scope,
): (value: JsonValue, walk: W) => readonly JsonValue[] {
  let found: JsonValue[] = [];
  const keep: Step<W> = (value) => {
    found.push(value);
  };
  const step = compileExpression<W>(expression, scope, () => keep);
  if (step === undefined) return () => [];
  return (value, walk) => {
    found = [];
    step(value, walk);
    return found;
  };
}
