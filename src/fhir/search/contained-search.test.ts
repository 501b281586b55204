import { describe, expect, test } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import { Refusal } from '../outcome.js';
import { type ParsedSearch, parseSearch } from './parse-search.js';

const definitions = readDefinitions();
const OPTIONS = {
  lenient: false,
  now: Date.UTC(2024, 0, 1),
  baseUrl: 'http://localhost:8080/fhir',
  defaultCount: 50,
  maxCount: 1000,
};

function parsed(type: string, query: string): ParsedSearch {
  return parseSearch(definitions, { type }, [...new URLSearchParams(query)], OPTIONS);
}

function refusals(type: string, query: string): readonly string[] {
  try {
    parsed(type, query);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.issues.map(({ code, text }) => `${code}: ${text}`);
  }
  return [];
}

const ofTypes = ({ query }: ParsedSearch): readonly string[] => query.parts.map(({ type }) => type);
const code = { op: 'value', param: 'code', test: { kind: 'token', code: 'x' } };

describe('_contained', () => {
  test('true with contained searches contained resources by the same criteria', () => {
    const { query } = parsed('Medication', 'code=x&_contained=true&_containedType=contained');
    expect(query.parts).toEqual([{ type: '#Medication', where: code }]);
  });

  test('both with contained searches stored resources before contained ones', () => {
    const search = parsed('Medication', 'code=x&_contained=both&_containedType=contained');
    expect(search.query.parts).toEqual([
      { type: 'Medication', where: code },
      { type: '#Medication', where: code },
    ]);
  });

  test('_id of a contained resource is its local id', () => {
    const { query } = parsed('Medication', '_id=m1&_contained=true&_containedType=contained');
    expect(query.parts).toEqual([
      {
        type: '#Medication',
        where: { op: 'value', param: '_id', test: { kind: 'token', system: '', code: 'm1' } },
      },
    ]);
  });

  test('true returns containers of any type that can contain, each type once', () => {
    const types = ofTypes(parsed('Medication', 'code=x&_contained=true'));
    expect(types).toContain('MedicationRequest');
    expect(types).toContain('Medication');
    expect(types).not.toContain('Bundle');
    expect(new Set(types).size).toBe(types.length);
  });

  test('both returns what matches itself beside what contains a match', () => {
    const { query } = parsed('Medication', 'code=x&_contained=both');
    expect(query.parts[0]).toMatchObject({
      type: 'Medication',
      where: { op: 'or', of: [code, { op: 'and' }] },
    });
    expect(query.parts[1]?.where).toMatchObject({ op: 'and' });
  });

  test('is part of what was applied', () => {
    const { applied } = parsed('Medication', '_contained=true&_containedType=contained');
    expect(applied).toEqual([
      ['_contained', 'true'],
      ['_containedType', 'contained'],
    ]);
  });
});

describe('what cannot be asked of contained resources is refused by name', () => {
  test.each([
    [
      '_content=x&_contained=true',
      'invalid: The search parameter _contained cannot stand together with _text or _content: contained ' +
        'resources are not in the full-text index.',
    ],
    [
      '_sort=code&_contained=true',
      'invalid: The search parameter _sort can only be _id or _lastUpdated where containers are returned, which are of ' +
        'any type: ask for _containedType=contained.',
    ],
    [
      '_include=Medication:manufacturer&_contained=both&_containedType=contained',
      'invalid: The search parameter _containedType cannot stand together with _include or _revinclude: ask ' +
        'for _containedType=container.',
    ],
    ['_contained=true&_contained=both', 'invalid: The search parameter _contained is given more than once.'],
  ])('%s', (query, refusal) => {
    expect(refusals('Medication', query)).toEqual([refusal]);
  });

  test('where none are asked for the same stands', () => {
    expect(refusals('Medication', '_content=x&_sort=code&_contained=false')).toEqual([]);
    expect(refusals('Medication', '_sort=code&_contained=true&_containedType=contained')).toEqual([]);
    expect(refusals('Medication', '_sort=-_lastUpdated&_contained=true')).toEqual([]);
  });
});
