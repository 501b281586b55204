import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../base/assert.js';
import { type IndexValue, OPEN_END } from './index-value.js';
import { type Candidate, type MatchResolver, matches } from './match.js';
import type { DateTest, NumberTest, Predicate, Prefix, ValueTest } from './query.js';

const identity = { type: 'Observation', id: 'o1', lastUpdated: 1000 };

function value(param: string, test: ValueTest): Predicate {
  return { op: 'value', param, test };
}

function holds(values: readonly IndexValue[], where: Predicate): boolean {
  return matches(values, identity, where);
}

describe('predicates', () => {
  const values: readonly IndexValue[] = [{ kind: 'token', param: 'code', system: 's', code: 'c' }];
  const present = value('code', { kind: 'token', code: 'c' });
  const other = value('code', { kind: 'token', code: 'd' });

  test.each<[string, Predicate, boolean]>([
    ['everything', { op: 'everything' }, true],
    ['nothing', { op: 'nothing' }, false],
    ['and', { op: 'and', of: [present, other] }, false],
    ['or', { op: 'or', of: [other, present] }, true],
    ['not', { op: 'not', of: other }, true],
    ['not, on an element that is absent', { op: 'not', of: value('status', { kind: 'token' }) }, true],
    ['id', { op: 'id', ids: ['x', 'o1'] }, true],
    ['another id', { op: 'id', ids: ['x'] }, false],
    ['last updated', { op: 'last-updated', test: { kind: 'date', prefix: 'gt', lo: 0, hi: 999 } }, true],
    [
      'last updated before',
      { op: 'last-updated', test: { kind: 'date', prefix: 'lt', lo: 1000, hi: 2000 } },
      false,
    ],
    ['absent', { op: 'absent', param: 'status' }, true],
    ['not absent', { op: 'absent', param: 'code' }, false],
    ['a value of another parameter', value('status', { kind: 'token', code: 'c' }), false],
    ['a test of another kind', value('code', { kind: 'uri', mode: 'exact', value: 'c' }), false],
  ])('%s', (_name, where, expected) => {
    expect(holds(values, where)).toBe(expected);
  });
});

describe('dates', () => {
  /** Resource range, search range 10..20, and the prefixes that hold. */
  test.each<[lo: number, hi: number, holding: readonly Prefix[]]>([
    [12, 15, ['eq', 'ge', 'le', 'overlaps']],
    [10, 20, ['eq', 'ge', 'le', 'overlaps']],
    [5, 15, ['ne', 'lt', 'ge', 'le', 'overlaps']],
    [15, 25, ['ne', 'gt', 'ge', 'le', 'overlaps']],
    [5, 25, ['ne', 'gt', 'lt', 'ge', 'le', 'overlaps']],
    [1, 9, ['ne', 'lt', 'le', 'eb']],
    [21, 30, ['ne', 'gt', 'ge', 'sa']],
    [15, OPEN_END, ['ne', 'gt', 'ge', 'le', 'overlaps']],
    [-OPEN_END, 5, ['ne', 'lt', 'le', 'eb']],
  ])('%d to %d', (lo, hi, holding) => {
    const values: readonly IndexValue[] = [{ kind: 'date', param: 'date', lo, hi }];
    const prefixes: readonly Prefix[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'overlaps'];
    const found = prefixes.filter((prefix) => {
      const against: DateTest = { kind: 'date', prefix, lo: 10, hi: 20 };
      return holds(values, value('date', against));
    });
    expect(found).toEqual(holding);
  });
});

describe('numbers', () => {
  /** The search range of eq, ne and overlaps is [9.5, 10.5); the others compare with 10. */
  test.each<[lo: number, hi: number, holding: readonly Prefix[]]>([
    [10, 10, ['eq', 'ge', 'le', 'overlaps']],
    [9.5, 9.5, ['eq', 'lt', 'le', 'eb', 'overlaps']],
    [10.5, 10.5, ['ne', 'gt', 'ge', 'sa']],
    [10.4, 10.4, ['eq', 'gt', 'ge', 'sa', 'overlaps']],
    [5, 15, ['ne', 'gt', 'lt', 'ge', 'le', 'overlaps']],
    [20, Number.POSITIVE_INFINITY, ['ne', 'gt', 'ge', 'sa']],
  ])('%d to %d', (lo, hi, holding) => {
    const values: readonly IndexValue[] = [{ kind: 'number', param: 'n', lo, hi }];
    const prefixes: readonly Prefix[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'overlaps'];
    const found = prefixes.filter((prefix) => {
      const ranged = prefix === 'eq' || prefix === 'ne' || prefix === 'overlaps';
      const against: NumberTest = { kind: 'number', prefix, lo: ranged ? 9.5 : 10, hi: ranged ? 10.5 : 10 };
      return holds(values, value('n', against));
    });
    expect(found).toEqual(holding);
  });
});

describe('values', () => {
  const quantity: IndexValue = {
    kind: 'quantity',
    param: 'q',
    lo: 5,
    hi: 5,
    system: 'u',
    code: 'mg',
    unit: 'milligram',
  };
  const five = { kind: 'quantity', prefix: 'eq', lo: 4.5, hi: 5.5 } as const;
  const text: IndexValue = { kind: 'string', param: 's', exact: 'Núñez', folded: 'nunez' };
  const uri: IndexValue = { kind: 'uri', param: 'u', value: 'http://a/b/c' };
  const local: IndexValue = {
    kind: 'reference',
    param: 'r',
    target: { kind: 'local', type: 'Patient', id: '1', version: '2' },
  };
  const url: IndexValue = {
    kind: 'reference',
    param: 'r',
    target: { kind: 'url', url: 'http://x/q', version: '1.0' },
  };
  const token: IndexValue = { kind: 'token', param: 't', system: '', code: 'c' };

  test.each<[string, IndexValue, ValueTest, boolean]>([
    ['token of no system', token, { kind: 'token', system: '', code: 'c' }, true],
    ['token of another system', token, { kind: 'token', system: 's', code: 'c' }, false],
    ['any token', token, { kind: 'token' }, true],
    ['quantity of any unit', quantity, five, true],
    ['quantity by system and code', quantity, { ...five, system: 'u', code: 'mg' }, true],
    ['quantity by another system', quantity, { ...five, system: 'v', code: 'mg' }, false],
    ['quantity by code', quantity, { ...five, code: 'mg' }, true],
    ['quantity by unit', quantity, { ...five, code: 'milligram' }, true],
    ['quantity by system and unit', quantity, { ...five, system: 'u', code: 'milligram' }, false],
    ['the beginning of a string', text, { kind: 'string', mode: 'starts', value: 'nun' }, true],
    ['the middle of a string', text, { kind: 'string', mode: 'starts', value: 'une' }, false],
    ['a part of a string', text, { kind: 'string', mode: 'contains', value: 'une' }, true],
    ['an exact string', text, { kind: 'string', mode: 'exact', value: 'Núñez' }, true],
    ['a string that is not exact', text, { kind: 'string', mode: 'exact', value: 'nunez' }, false],
    ['uri below', uri, { kind: 'uri', mode: 'below', value: 'http://a/b' }, true],
    ['uri below, with a slash', uri, { kind: 'uri', mode: 'below', value: 'http://a/b/' }, true],
    ['uri below goes by segments', uri, { kind: 'uri', mode: 'below', value: 'http://a/b/c/..' }, false],
    ['uri below half a segment', uri, { kind: 'uri', mode: 'below', value: 'http://a/' }, true],
    ['uri above', uri, { kind: 'uri', mode: 'above', value: 'http://a/b/c/d' }, true],
    ['uri above half a segment', uri, { kind: 'uri', mode: 'above', value: 'http://a/b/cd' }, false],
    [
      'reference of a type',
      local,
      { kind: 'reference', target: { kind: 'local', types: ['Group', 'Patient'], id: '1' } },
      true,
    ],
    [
      'reference of any type',
      local,
      { kind: 'reference', target: { kind: 'local', types: [], id: '1' } },
      true,
    ],
    [
      'reference of another type',
      local,
      { kind: 'reference', target: { kind: 'local', types: ['Group'], id: '1' } },
      false,
    ],
    [
      'reference to a version',
      local,
      { kind: 'reference', target: { kind: 'local', types: [], id: '1', version: '3' } },
      false,
    ],
    [
      'canonical of any version',
      url,
      { kind: 'reference', target: { kind: 'url', url: 'http://x/q' } },
      true,
    ],
    [
      'canonical of its version',
      url,
      { kind: 'reference', target: { kind: 'url', url: 'http://x/q', version: '1.0' } },
      true,
    ],
    [
      'canonical of another version',
      url,
      { kind: 'reference', target: { kind: 'url', url: 'http://x/q', version: '2' } },
      false,
    ],
  ])('%s', (_name, indexed, against, expected) => {
    expect(holds([indexed], value(indexed.param, against))).toBe(expected);
  });

  test('the parts of a composite must hold in one occurrence', () => {
    const occurrence = (code: string, at: number): IndexValue => ({
      kind: 'composite',
      param: 'c',
      components: [
        [{ kind: 'token', param: '', system: '', code }],
        [{ kind: 'number', param: '', lo: at, hi: at }],
      ],
    });
    const values = [occurrence('a', 1), occurrence('b', 9)];
    const wanted = (code: string): Predicate =>
      value('c', {
        kind: 'composite',
        components: [
          { kind: 'token', code },
          { kind: 'number', prefix: 'gt', lo: 5, hi: 5 },
        ],
      });
    expect(holds(values, wanted('b'))).toBe(true);
    expect(holds(values, wanted('a'))).toBe(false);
  });
});

describe('other resources', () => {
  const patient: Candidate = {
    identity: { type: 'Patient', id: 'p1', lastUpdated: 1 },
    values: [{ kind: 'token', param: 'gender', system: '', code: 'male' }],
  };
  const reference: IndexValue = {
    kind: 'reference',
    param: 'subject',
    target: { kind: 'local', type: 'Patient', id: 'p1' },
  };
  const observation: Candidate = {
    identity,
    values: [
      reference,
      { kind: 'token', param: 'code', system: '', code: 'c' },
      { ...reference, param: '@Patient' },
    ],
  };
  const resolver: MatchResolver = {
    resource: (type, id) => (type === 'Patient' && id === 'p1' ? patient : undefined),
    referrers: (type) => (type === 'Observation' ? [observation] : []),
  };
  const male = value('gender', { kind: 'token', code: 'male' });
  const chain = (type: string, where: Predicate): Predicate => ({
    op: 'chain',
    param: 'subject',
    targets: [{ type, where }],
  });
  const has = (param: string, where: Predicate): Predicate => ({
    op: 'has',
    param,
    source: { type: 'Observation', where },
  });
  const onObservation = (where: Predicate): boolean => matches(observation.values, identity, where, resolver);
  const onPatient = (where: Predicate): boolean => matches(patient.values, patient.identity, where, resolver);

  test('a chain follows the reference to a target of its type', () => {
    expect(onObservation(chain('Patient', male))).toBe(true);
    expect(onObservation(chain('Group', male))).toBe(false);
    expect(onObservation(chain('Patient', { op: 'not', of: male }))).toBe(false);
  });

  test('a dangling reference is no match, whatever the chain asks', () => {
    const dangling: IndexValue = { ...reference, target: { kind: 'local', type: 'Patient', id: 'gone' } };
    expect(matches([dangling], identity, chain('Patient', { op: 'everything' }), resolver)).toBe(false);
  });

  test('has looks at those that refer here by the parameter', () => {
    expect(onPatient(has('subject', value('code', { kind: 'token', code: 'c' })))).toBe(true);
    expect(onPatient(has('subject', value('code', { kind: 'token', code: 'd' })))).toBe(false);
    expect(onPatient(has('focus', { op: 'everything' }))).toBe(false);
  });

  test('a compartment has its members', () => {
    expect(onObservation({ op: 'compartment', name: 'Patient', id: 'p1' })).toBe(true);
    expect(onObservation({ op: 'compartment', name: 'Patient', id: 'p2' })).toBe(false);
  });

  test('without a resolver, chain and has are defects of the caller', () => {
    expect(() => matches(observation.values, identity, chain('Patient', male))).toThrow(InvariantError);
    expect(() => matches(patient.values, patient.identity, has('subject', male))).toThrow(InvariantError);
  });
});
