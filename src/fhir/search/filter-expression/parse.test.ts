import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Problem } from '../parameters/problem.js';
import { type Comparison, type FilterExpression, OPERATORS, type PathStep } from './expression.js';
import { parseFilterExpression } from './parse.js';

const SEED = 20_240_105;

/** A tree as a filter says it. Only the first of a chain may stand without parentheses, as all is read from the left. */
function printed(expression: FilterExpression, gap: string): string {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const terms = expression.of.map((inner, at) => {
        const open = inner.kind === 'comparison' || inner.kind === 'not';
        const leads = at === 0 && inner.kind !== expression.kind;
        return open || leads ? printed(inner, gap) : `(${printed(inner, gap)})`;
      });
      return terms.join(`${gap}${expression.kind}${gap}`);
    }
    case 'not':
      return `not(${gap}${printed(expression.of, gap)}${gap})`;
    case 'comparison': {
      const { path, operator, value } = expression;
      const text = value.kind === 'text' ? JSON.stringify(value.value) : value.value;
      return [
        path.map((step, at) => printedStep(step, gap, at === path.length - 1)).join(''),
        operator,
        text,
      ].join(gap);
    }
  }
}

function printedStep(step: PathStep, gap: string, last: boolean): string {
  if (step.kind === 'reversed') return `_has:${step.source}:${step.code}:`;
  const where = step.where === undefined ? '' : `[${printed(step.where, gap)}]`;
  return `${step.code}${step.only === undefined ? '' : `:${step.only}`}${where}${last ? '' : '.'}`;
}

/** The tree without its positions. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => name !== 'at' && name !== 'operatorAt');
  return Object.fromEntries(kept.map(([name, inner]) => [name, bare(inner)]));
}

const name = fc.constantFrom('name', 'general-practitioner', '_id', 'and', 'or', 'eq', 'a1_b');
const type = fc.constantFrom('Patient', 'Group');
const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const word = fc.stringMatching(/^[^\s)\]"][^\s)\]]{0,8}$/u);

const { expression } = fc.letrec<{ expression: FilterExpression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    comparisonOf(tie('expression')),
    tie('expression').map((of): FilterExpression => ({ kind: 'not', of })),
    fc
      .tuple(fc.constantFrom('and', 'or'), fc.array(tie('expression'), { minLength: 2, maxLength: 3 }))
      .map(([kind, of]): FilterExpression => ({ kind, of })),
  ),
}));

function comparisonOf(where: fc.Arbitrary<FilterExpression>): fc.Arbitrary<FilterExpression> {
  const step: fc.Arbitrary<PathStep> = fc.oneof(
    fc.record({ kind: fc.constant('reversed' as const), source: type, code: name, at: fc.constant(0) }),
    fc.record(
      { kind: fc.constant('parameter' as const), code: name, only: type, where, at: fc.constant(0) },
      { requiredKeys: ['kind', 'code', 'at'] },
    ),
  );
  const value = fc.oneof(
    text.map((one) => ({ kind: 'text' as const, value: one, at: 0 })),
    word.map((one) => ({ kind: 'word' as const, value: one, at: 0 })),
  );
  return fc.tuple(fc.array(step, { maxLength: 3 }), name, fc.constantFrom(...OPERATORS), value).map(
    ([steps, code, operator, one]): Comparison => ({
      kind: 'comparison',
      path: [...steps, { kind: 'parameter', code, at: 0 }],
      operator,
      operatorAt: 0,
      value: one,
    }),
  );
}

test(`a tree that is printed as a filter is read as that tree (seed ${SEED})`, () => {
  fc.assert(
    fc.property(expression, fc.constantFrom(' ', '  ', '\n\t'), (tree, gap) => {
      expect(bare(parseFilterExpression(printed(tree, gap)))).toEqual(bare(tree));
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test(`any text is a filter or a problem that does not repeat it (seed ${SEED})`, () => {
  const signs = fc.constantFrom(
    ' ',
    '(',
    ')',
    '[',
    ']',
    '.',
    ':',
    '"',
    '\\',
    'name',
    'eq',
    'and',
    'not',
    '🙂',
    '\ud800',
  );
  fc.assert(
    fc.property(fc.array(signs, { maxLength: 30 }), (parts) => {
      const found = parseFilterExpression(parts.join(''));
      if (found instanceof Problem) expect(found.reason).not.toMatch(/name [^o]|🙂/);
      else expect(['and', 'or', 'not', 'comparison']).toContain(found.kind);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

describe('depth', () => {
  const nested = (levels: number): string => `${'('.repeat(levels)}name eq a${')'.repeat(levels)}`;

  test('of a hundred levels is read', () => {
    expect(parseFilterExpression(nested(99))).toMatchObject({ kind: 'comparison' });
  });

  test.each([
    ['parentheses', nested(100)],
    ['parentheses without end', '('.repeat(1_000_000)],
    ['brackets without end', 'a['.repeat(500_000)],
    ['negations without end', 'not('.repeat(250_000)],
  ])('past it is refused: %s', (_name, text) => {
    expect(parseFilterExpression(text)).toMatchObject({ kind: 'too-costly' });
  });

  test('of a path is bounded too', () => {
    expect(parseFilterExpression(`${'a.'.repeat(500_000)}a eq x`)).toMatchObject({ kind: 'malformed' });
  });
});

test('a long filter is read', () => {
  const filter = parseFilterExpression(`name eq "${'x'.repeat(1_000_000)}"${' or name eq a'.repeat(50_000)}`);
  expect(filter).toMatchObject({ kind: 'or', of: { length: 50_001 } });
});
