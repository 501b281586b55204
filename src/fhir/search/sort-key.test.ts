import { describe, expect, test } from 'vitest';
import type { IndexValue } from './index-value.js';
import type { SortKey } from './query.js';
import { compareSortable, sortKeyOf } from './sort-key.js';

const identity = { type: 'Patient', id: 'p1', lastUpdated: 42 };
const key = (param: string, kind: SortKey['kind'], descending = false): SortKey => ({
  param,
  kind,
  descending,
});

describe('sortKeyOf', () => {
  const names: readonly IndexValue[] = [
    { kind: 'string', param: 'name', exact: 'Zoë', folded: 'zoe' },
    { kind: 'string', param: 'name', exact: 'Ann', folded: 'ann' },
  ];

  test('the least value counts when ascending, the greatest when descending', () => {
    expect(sortKeyOf(names, identity, key('name', 'string'))).toBe('ann');
    expect(sortKeyOf(names, identity, key('name', 'string', true))).toBe('zoe');
  });

  test('id and last update are those of the version', () => {
    expect(sortKeyOf([], identity, key('_id', 'token'))).toBe('p1');
    expect(sortKeyOf([], identity, key('_lastUpdated', 'date'))).toBe(42);
  });

  test('a range counts by its lower end, also an open one', () => {
    const dates: readonly IndexValue[] = [
      { kind: 'date', param: 'date', lo: 5, hi: 9 },
      { kind: 'date', param: 'date', lo: 7, hi: 8 },
    ];
    expect(sortKeyOf(dates, identity, key('date', 'date'))).toBe(5);
    expect(sortKeyOf(dates, identity, key('date', 'date', true))).toBe(7);
    const open: IndexValue = {
      kind: 'quantity',
      param: 'q',
      lo: Number.NEGATIVE_INFINITY,
      hi: 1,
      system: '',
      code: '',
      unit: '',
    };
    expect(sortKeyOf([open], identity, key('q', 'quantity'))).toBe(Number.NEGATIVE_INFINITY);
  });

  test('references sort by type and id, or by URL', () => {
    const local: IndexValue = {
      kind: 'reference',
      param: 'r',
      target: { kind: 'local', type: 'Patient', id: '1' },
    };
    const url: IndexValue = { kind: 'reference', param: 'r', target: { kind: 'url', url: 'http://x' } };
    expect(sortKeyOf([url, local], identity, key('r', 'reference'))).toBe('Patient/1');
    expect(sortKeyOf([url, local], identity, key('r', 'reference', true))).toBe('http://x');
  });

  test('no value is undefined', () => {
    expect(sortKeyOf([], identity, key('name', 'string'))).toBeUndefined();
  });
});

describe('compareSortable', () => {
  const sorted = (values: readonly (string | number | undefined)[], descending: boolean) =>
    values.map((value) => ({ value })).sort((a, b) => compareSortable(a.value, b.value, descending));

  test('missing values come last in both directions', () => {
    const values = [undefined, 2, 1];
    expect(sorted(values, false).map(({ value }) => value)).toEqual([1, 2, undefined]);
    expect(sorted(values, true).map(({ value }) => value)).toEqual([2, 1, undefined]);
  });

  test('infinities are equal to themselves', () => {
    expect(compareSortable(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, false)).toBe(0);
    expect(compareSortable(Number.NEGATIVE_INFINITY, 0, false)).toBeLessThan(0);
  });

  test('texts compare as their UTF-8 bytes do', () => {
    const texts = ['a', 'ab', 'B', 'é', '\ufb01', '\u{1f600}', '', '\ue000', '\u{10000}'];
    const bytes = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(sorted(texts, false).map(({ value }) => value)).toEqual(bytes);
    expect(sorted(texts, true).map(({ value }) => value)).toEqual(bytes.reverse());
  });
});
