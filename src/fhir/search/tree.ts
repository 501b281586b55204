/**
 * Building blocks of query trees: what is always or never true is folded away while a tree is made.
 */
import { InvariantError } from '../../base/assert.js';
import type { Predicate, ValueTest } from './query.js';

export const EVERYTHING: Predicate = { op: 'everything' };
export const NOTHING: Predicate = { op: 'nothing' };

export function allOf(predicates: readonly Predicate[]): Predicate {
  if (predicates.some(({ op }) => op === 'nothing')) return NOTHING;
  const of = predicates.filter(({ op }) => op !== 'everything');
  return one(of) ?? (of.length === 0 ? EVERYTHING : { op: 'and', of });
}

export function anyOf(predicates: readonly Predicate[]): Predicate {
  if (predicates.some(({ op }) => op === 'everything')) return EVERYTHING;
  const of = predicates.filter(({ op }) => op !== 'nothing');
  return one(of) ?? (of.length === 0 ? NOTHING : { op: 'or', of });
}

export function noneOf(predicate: Predicate): Predicate {
  if (predicate.op === 'everything') return NOTHING;
  if (predicate.op === 'nothing') return EVERYTHING;
  return predicate.op === 'not' ? predicate.of : { op: 'not', of: predicate };
}

function one(of: readonly Predicate[]): Predicate | undefined {
  return of.length === 1 ? of[0] : undefined;
}

/**
 * Number of nodes: what a tree costs to keep, to send and to compile. Shared subtrees are sent as often as they occur, so
 * they count each time, but are looked at once.
 */
export function sizeOf(predicate: Predicate, known = new Map<Predicate, number>()): number {
  const before = known.get(predicate);
  if (before !== undefined) return before;
  const size = 1 + innerOf(predicate).reduce((sum, inner) => sum + sizeOf(inner, known), 0);
  known.set(predicate, size);
  return size;
}

/** The criteria of nested `and`s. */
export function membersOf(where: Predicate): readonly Predicate[] {
  if (where.op === 'everything') return [];
  return where.op === 'and' ? where.of.flatMap(membersOf) : [where];
}

/** Somewhere in the tree a value is tested in this way. */
export function hasTest(predicate: Predicate, kind: ValueTest['kind']): boolean {
  if (predicate.op === 'value') return predicate.test.kind === kind;
  return innerOf(predicate).some((inner) => hasTest(inner, kind));
}

function innerOf(predicate: Predicate): readonly Predicate[] {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return predicate.of;
    case 'not':
      return [predicate.of];
    case 'chain':
      return predicate.targets.map(({ where }) => where);
    case 'has':
      return [predicate.source.where];
    default:
      return [];
  }
}

/** Types that it looks at beside the one that it stands under. */
export function typesLedTo(predicate: Predicate): ReadonlySet<string> {
  const types = new Set<string>();
  const visit = (one: Predicate): void => {
    if (one.op === 'chain') for (const { type } of one.targets) types.add(type);
    if (one.op === 'has') types.add(one.source.type);
    innerOf(one).forEach(visit);
  };
  visit(predicate);
  return types;
}

/** Is there a set in it that is known by name alone? */
export function hasNamedSet(predicate: Predicate): boolean {
  return predicate.op === 'named-set' || innerOf(predicate).some(hasNamedSet);
}

/** Whoever evaluates a tree is given one whose sets have been looked up. */
export function unresolved({ op, param }: Predicate & { readonly op: 'named-set' }): never {
  throw new InvariantError(`a ${op} on ${param} is evaluated before it was resolved`);
}
