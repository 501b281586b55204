/** Filters on real resources: parsed, indexed and matched. */
import { describe, expect, test } from 'vitest';
import { readDefinitions } from '../../../definitions-file.js';
import type { JsonObject, ResourceObject } from '../../format/json.js';
import { makeIndexer } from '../indexer.js';
import { type Candidate, type MatchResolver, matches } from '../match.js';
import { parseSearch, type SearchPair } from '../parse-search.js';

const BASE = 'http://localhost:8080/fhir';
const definitions = readDefinitions();
const index = makeIndexer(definitions, { baseUrl: BASE });
const OPTIONS = { lenient: false, now: Date.UTC(2024, 0, 1), baseUrl: BASE, defaultCount: 10, maxCount: 10 };

const RESOURCES: readonly ResourceObject[] = [
  {
    resourceType: 'Patient',
    id: 'ann',
    gender: 'female',
    birthDate: '1970-05-03',
    name: [
      { family: 'Núñez', given: ['Ann', 'Maria'] },
      { family: 'Peter', given: ['Zoë'] },
    ],
    identifier: [{ system: 'http://mrn', value: 'A 1' }],
    managingOrganization: { reference: 'Organization/north' },
  },
  { resourceType: 'Patient', id: 'bob', birthDate: '1980', name: [{ family: 'Sample', given: ['Bob'] }] },
  { resourceType: 'Organization', id: 'north', name: 'North (general)' },
  observation('pulse', 'ann', { valueQuantity: quantity(72, '/min'), effectiveDateTime: '2023-06-01' }),
  observation('weight', 'ann', {
    valueQuantity: quantity(61.5, 'kg'),
    effectivePeriod: { start: '2023-01-01', end: '2023-12-31' },
    status: 'amended',
  }),
  observation('height', 'bob', { valueQuantity: quantity(180, 'cm') }),
  { resourceType: 'List', id: 'round', entry: [{ item: { reference: 'Patient/bob' } }] },
];

function observation(id: string, patient: string, more: JsonObject): ResourceObject {
  const code = { coding: [{ system: 'http://loinc.org', code: id }, { code: `local-${id}` }] };
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code,
    subject: { reference: `Patient/${patient}` },
    ...more,
  };
}

function quantity(value: number, code: string): JsonObject {
  return { value, unit: code, system: 'http://unitsofmeasure.org', code };
}

const WORLD: readonly Candidate[] = RESOURCES.map((resource) => ({
  identity: { type: resource.resourceType, id: String(resource.id), lastUpdated: 0 },
  values: index(resource),
}));

const resolver: MatchResolver = {
  resource: (type, id) => WORLD.find(({ identity }) => identity.type === type && identity.id === id),
  referrers: (type) => WORLD.filter(({ identity }) => identity.type === type),
};

function found(type: string, ...pairs: readonly SearchPair[]): readonly string[] {
  const where = parseSearch(definitions, { type }, pairs, OPTIONS).query.parts[0]?.where ?? { op: 'nothing' };
  return WORLD.filter(({ identity }) => identity.type === type)
    .filter(({ identity, values }) => matches(values, identity, where, resolver))
    .map(({ identity }) => identity.id);
}

describe('on patients', () => {
  test.each<[filter: string, ids: readonly string[]]>([
    ['name eq nunez', ['ann']],
    ['name eq nun', []],
    ['name ne nunez', ['ann', 'bob']],
    ['given ne bob', ['ann']],
    ['name co "ET"', ['ann']],
    ['name sw nun', ['ann']],
    ['name ew EZ', ['ann']],
    ['family gt peter', ['bob']],
    ['family ge peter', ['ann', 'bob']],
    ['family lt o', ['ann']],
    ['gender eq FEMALE', ['ann']],
    ['gender ne female', []],
    ['not(gender eq female)', ['bob']],
    ['gender pr true', ['ann']],
    ['gender pr false', ['bob']],
    ['birthdate eq 1970-05', ['ann']],
    ['birthdate co 1980-03', ['bob']],
    ['birthdate co 1970-05', []],
    ['birthdate po 1970', ['ann']],
    ['birthdate sa 1970', ['bob']],
    ['identifier eq "http://mrn|A 1"', ['ann']],
    ['organization re Organization/north', ['ann']],
    [`organization re ${BASE}/Organization/north`, ['ann']],
    ['organization.name ew "(GENERAL)"', ['ann']],
    ['organization[name sw north].name co gen', ['ann']],
    ['organization[name sw south].name co gen', []],
    ['organization.name pr false', ['bob']],
    ['_id eq bob or _id eq ann', ['ann', 'bob']],
    ['_id ne bob', ['ann']],
    ['_has:Observation:subject:code eq height', ['bob']],
    ['not(_has:Observation:subject:status eq amended)', ['bob']],
    // From left to right: (female or Bob) and born before 1975.
    ['gender eq female or given eq bob and birthdate lt 1975', ['ann']],
    ['given eq bob or (gender eq female and birthdate lt 1975)', ['ann', 'bob']],
  ])('%s', (filter, ids) => {
    expect(found('Patient', ['_filter', filter])).toEqual(ids);
  });
});

describe('on observations', () => {
  test.each<[filter: string, ids: readonly string[]]>([
    ['code eq loinc|pulse', ['pulse']],
    ['code eq http://loinc.org|pulse', ['pulse']],
    ['code ne loinc|pulse', ['pulse', 'weight', 'height']],
    ['status ne final', ['weight']],
    ['value-quantity gt 61', ['pulse', 'weight', 'height']],
    ['value-quantity gt 61|ucum|kg', ['weight']],
    ['value-quantity ap 60||kg', ['weight']],
    ['value-quantity ne 72', ['weight', 'height']],
    ['date co 2023-06-01', ['pulse', 'weight']],
    ['date co 2023-06', ['weight']],
    ['date po 2023-06-01', ['pulse', 'weight']],
    ['code-value-quantity eq loinc|pulse$ge70', ['pulse']],
    ['subject.gender eq female', ['pulse', 'weight']],
    ['subject:Patient.name sw sam', ['height']],
    ['subject[gender eq female].birthdate gt 1975', []],
    ['subject:Patient.organization.name sw north and status eq final', ['pulse']],
    ['subject:Patient.gender pr false', ['height']],
  ])('%s', (filter, ids) => {
    expect(found('Observation', ['_filter', filter])).toEqual(ids);
  });
});

test('stands beside other parameters and beside others of its kind', () => {
  const pairs: readonly SearchPair[] = [
    ['status', 'final,amended'],
    ['_filter', 'value-quantity lt 100'],
    ['_filter', 'date co 2023-06-01 or code eq height'],
    ['subject', 'Patient/ann'],
  ];
  expect(found('Observation', ...pairs)).toEqual(['pulse', 'weight']);
});

test('means the same behind a chain', () => {
  expect(found('Observation', ['subject:Patient._filter', 'gender pr false or given eq zoe'])).toEqual([
    'pulse',
    'weight',
    'height',
  ]);
});

test('operators of terminology mean what the modifiers mean', () => {
  const outcome = (name: string, value: string): unknown => {
    try {
      return parseSearch(definitions, { type: 'Observation' }, [[name, value]], OPTIONS).query;
    } catch (error) {
      return String(error).replace(/^.*(?=is not supported)/s, '');
    }
  };
  expect(outcome('_filter', 'code ss snomed|1')).toEqual(outcome('code:below', 'http://snomed.info/sct|1'));
  expect(outcome('_filter', 'code sb snomed|1')).toEqual(outcome('code:above', 'http://snomed.info/sct|1'));
  expect(outcome('_filter', 'code in http://x/vs')).toEqual(outcome('code:in', 'http://x/vs'));
});

describe('lists', () => {
  test.each([
    ['Patient', '_list', 'round', ['bob']],
    ['Patient', '_list', 'round,other', ['bob']],
    ['Patient', '_list', 'other', []],
    ['Observation', 'subject:Patient._list', 'round', ['height']],
    ['List', '_list', 'round', []],
  ])('%s?%s=%s', (type, name, value, ids) => {
    expect(found(type, [name, value])).toEqual(ids);
  });
});
