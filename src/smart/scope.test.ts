/** Scopes: both notations, granular constraints, what is refused, what is within what. */
import { describe, expect, it, test } from 'vitest';
import {
  isWithin,
  parseResourceScope,
  parseScopes,
  permissionsOf,
  type ResourceScope,
  writeScopes,
} from './scope.js';

function scope(written: string): ResourceScope {
  const parsed = parseResourceScope(written);
  if (parsed === undefined) throw new Error(`${written} is no scope`);
  return parsed;
}

const granted = (...written: string[]): ResourceScope[] => written.map(scope);

describe('parsing scopes', () => {
  it.each([
    ['patient/Observation.rs', 'patient', 'Observation', 'rs', 2],
    ['user/*.cruds', 'user', '*', 'cruds', 2],
    ['system/Patient.c', 'system', 'Patient', 'c', 2],
    ['patient/Observation.read', 'patient', 'Observation', 'rs', 1],
    ['patient/Observation.write', 'patient', 'Observation', 'cud', 1],
    ['patient/*.*', 'patient', '*', 'cruds', 1],
  ])('reads %s', (written, context, type, permissions, version) => {
    expect(parseScopes(written).resources).toEqual([{ context, type, permissions, version }]);
  });

  it('keeps a granular constraint as it was written', () => {
    const [parsed] = parseScopes('patient/Observation.rs?category=http://a|lab&status=final').resources;

    expect(parsed?.constraint).toBe('category=http://a|lab&status=final');
  });

  it('tells launch and identity scopes from those of resources', () => {
    const scopes = parseScopes('launch/patient openid fhirUser offline_access patient/*.rs');

    expect(scopes).toMatchObject({
      launch: ['launch/patient'],
      identity: ['openid', 'fhirUser', 'offline_access'],
      unknown: [],
    });
  });

  it.each([
    'patient/Observation',
    'patient/Observation.',
    'patient/Observation.sr',
    'patient/Observation.rr',
    'patient/Observation.rx',
    'patient/Observation.reads',
    'patient/observation.rs',
    'patient/Observation.rs?',
    'patient/Observation.rs?category',
    'patient/Observation.rs?category=',
    'patient/Observation.rs?category=a&',
    'patient/Observation.read?category=a',
    'patient/Observation.rs?category="a"',
    'patient/Observation.rs?category=\u00e9',
    'Patient/Observation.rs',
    'patient/Observation.constructor',
    'launch/device',
    'root',
    'patient/Observation.rs\n',
  ])('grants nothing for %s', (written) => {
    expect(parseScopes(written)).toEqual({
      resources: [],
      launch: [],
      identity: [],
      admin: [],
      unknown: [written],
    });
  });

  it('knows no types but those that it is told of', () => {
    const scopes = parseScopes(
      'patient/Observation.rs patient/Dragon.rs patient/*.r',
      (type) => type === 'Observation',
    );

    expect(scopes.resources.map(({ type }) => type)).toEqual(['Observation', '*']);
    expect(scopes.unknown).toEqual(['patient/Dragon.rs']);
  });

  it('makes nothing of nothing, and one of what is said twice', () => {
    expect(parseScopes('').resources).toEqual([]);
    expect(parseScopes('  patient/*.rs  patient/*.rs ').resources).toHaveLength(1);
  });
});

describe('writing scopes', () => {
  test('each in the notation that it was asked in', () => {
    const asked =
      'launch openid patient/Observation.read patient/Patient.rs patient/Condition.write user/*.* user/*.cruds patient/Observation.rs?category=a|b';

    expect(writeScopes(parseScopes(asked))).toBe(asked);
  });

  test('what version 1 has no word for is said in version 2', () => {
    const half: ResourceScope = { ...scope('patient/Observation.read'), permissions: 'r' };

    expect(writeScopes({ launch: [], identity: [], admin: [], resources: [half] })).toBe(
      'patient/Observation.r',
    );
  });

  test('unknown scopes are not written', () => {
    expect(writeScopes(parseScopes('openid nonsense'))).toBe('openid');
  });

  test('letters have one order', () => {
    expect(permissionsOf('dsrrc')).toBe('crds');
  });
});

describe('a scope is within others', () => {
  it.each([
    ['patient/Observation.rs', ['patient/Observation.rs']],
    ['patient/Observation.r', ['patient/Observation.rs']],
    ['patient/Observation.rs', ['patient/*.read']],
    ['patient/Observation.cruds', ['patient/Observation.read', 'patient/Observation.write']],
    ['patient/Observation.rs?category=a', ['patient/Observation.rs']],
    ['patient/Observation.rs?category=a', ['patient/Observation.rs?category=a']],
    ['patient/Observation.rs?status=final&category=a', ['patient/Observation.rs?category=a']],
    ['patient/Observation.rs?category=a', ['patient/Observation.r?category=a', 'patient/*.s']],
  ])('%s in %s', (asked, held) => {
    expect(isWithin(scope(asked), granted(...held))).toBe(true);
  });

  it.each([
    ['patient/Observation.rs', []],
    ['patient/Observation.rs', ['patient/Observation.r']],
    ['patient/Observation.rs', ['user/Observation.rs']],
    ['system/Observation.rs', ['patient/*.rs', 'user/*.rs']],
    ['patient/Observation.rs', ['patient/Condition.rs']],
    ['patient/*.rs', ['patient/Observation.rs', 'patient/Condition.rs']],
    ['patient/Observation.rs', ['patient/Observation.rs?category=a']],
    ['patient/Observation.rs?category=b', ['patient/Observation.rs?category=a']],
    ['patient/Observation.rs?category=a,b', ['patient/Observation.rs?category=a']],
    ['patient/Observation.rs?category=a', ['patient/Observation.rs?category=a&status=final']],
    ['patient/Observation.cud', ['patient/Observation.read']],
  ])('%s not in %s', (asked, held) => {
    expect(isWithin(scope(asked), granted(...held))).toBe(false);
  });
});
