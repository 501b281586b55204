import { expect, test } from 'vitest';
import { canonicalCondition } from './canonical-condition.js';
import type { Predicate } from './query.js';

const token = (code: string, system?: string): Predicate => ({
  op: 'value',
  param: 'identifier',
  test: { kind: 'token', code, ...(system === undefined ? {} : { system }) },
});

function text(where: Predicate): string {
  return canonicalCondition('Patient', where);
}

test('order and repetition leave no trace', () => {
  const one: Predicate = { op: 'and', of: [token('a'), { op: 'or', of: [token('b'), token('c')] }] };
  const other: Predicate = {
    op: 'and',
    of: [{ op: 'or', of: [token('c'), token('b'), token('c')] }, token('a')],
  };
  expect(text(one)).toBe(text(other));
  expect(text({ op: 'id', ids: ['2', '1'] })).toBe(text({ op: 'id', ids: ['1', '2'] }));
});

test('the order of properties leaves no trace', () => {
  const other: Predicate = {
    op: 'value',
    test: { system: 's', code: 'a', kind: 'token' },
    param: 'identifier',
  };
  expect(text(token('a', 's'))).toBe(text(other));
});

test('what means something else has another text', () => {
  const predicates: readonly Predicate[] = [
    token('a'),
    token('a', ''),
    token('a', 's'),
    { op: 'not', of: token('a') },
    { op: 'absent', param: 'identifier' },
    { op: 'and', of: [token('a'), token('b')] },
    { op: 'or', of: [token('a'), token('b')] },
    { op: 'id', ids: ['a'] },
    { op: 'id', ids: ['a,b'] },
    { op: 'id', ids: ['a', 'b'] },
    { op: 'has', param: 'x', source: { type: 'Observation', where: token('a') } },
    { op: 'chain', param: 'x', targets: [{ type: 'Observation', where: token('a') }] },
    { op: 'chain', param: 'x', targets: [{ type: 'Group', where: token('a') }] },
    { op: 'everything' },
    { op: 'nothing' },
  ];
  expect(new Set(predicates.map(text)).size).toBe(predicates.length);
  expect(canonicalCondition('Group', token('a'))).not.toBe(text(token('a')));
});
