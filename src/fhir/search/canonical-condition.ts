/**
 * One text for all predicates that say the same in another order: a key for caches and for locks of conditions.
 *
 * Invariant: equal texts mean the same predicate; the order of AND, OR, ids and chain targets leaves no trace.
 */
import type { Predicate, QueryPart } from './query.js';

export function canonicalCondition(type: string, where: Predicate): string {
  return `${type}?${predicateText(where)}`;
}

function predicateText(where: Predicate): string {
  switch (where.op) {
    case 'and':
    case 'or':
      return `{${where.op}:${unordered(where.of.map(predicateText))}}`;
    case 'not':
      return `{not:${predicateText(where.of)}}`;
    case 'id':
      return `{id:${unordered(where.ids.map((id) => JSON.stringify(id)))}}`;
    case 'chain':
      return `{chain:${JSON.stringify(where.param)}${unordered(where.targets.map(partText))}}`;
    case 'has':
      return `{has:${JSON.stringify(where.param)}${partText(where.source)}}`;
    default:
      return plainText(where);
  }
}

function partText({ type, where }: QueryPart): string {
  return canonicalCondition(type, where);
}

function unordered(texts: readonly string[]): string {
  return `[${[...new Set(texts)].sort().join()}]`;
}

/** Plain data with its properties in the order of the alphabet. */
function plainText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plainText).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const properties = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => `${JSON.stringify(name)}:${plainText(inner)}`);
  return `{${properties.join()}}`;
}
