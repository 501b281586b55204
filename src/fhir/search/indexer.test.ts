import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import type { JsonObject, ResourceObject } from '../format/json.js';
import { parseJson } from '../format/parse.js';
import { generatedResource } from './generated-resource.js';
import type { IndexValue } from './index-value.js';
import { makeIndexer } from './indexer.js';

const definitions = readDefinitions();
const index = makeIndexer(definitions, { baseUrl: 'http://localhost:8080/fhir' });

interface Case {
  readonly name: string;
  readonly resource: ResourceObject;
  readonly param: string;
  readonly values: readonly JsonObject[];
}

const cases = JSON.parse(readFileSync('src/fhir/search/cases/index-values.json', 'utf8')) as readonly Case[]; // our own file

/** JSON has no infinities: the case files write them as texts. */
function written(values: readonly IndexValue[]): unknown {
  const text = JSON.stringify(values, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return JSON.parse(text);
}

test.each(cases)('$name ($param)', ({ resource, param, values }) => {
  const found = index(resource).filter((value) => value.param === param);
  expect(written(found)).toEqual(values.map((value) => ({ ...value, param })));
});

test('a number literal is indexed by its value', () => {
  const resource = parseJson(
    '{"resourceType":"Observation","valueQuantity":{"value":5.40,"unit":"mg"}}',
  ) as ResourceObject; // its type stands in it
  expect(index(resource).find(({ param }) => param === 'value-quantity')).toMatchObject({ lo: 5.4, hi: 5.4 });
});

test('every resource type can be indexed, twice with the same values, none of them repeated', () => {
  for (const type of definitions.resourceTypes.keys()) {
    for (let seed = 0; seed < 5; seed++) {
      const resource = generatedResource(definitions, type, seed);
      const values = index(resource).map((value) => JSON.stringify(value));
      expect(index(resource).map((value) => JSON.stringify(value))).toEqual(values);
      expect(new Set(values).size, `${type} of seed ${seed}`).toBe(values.length);
    }
  }
});

test('values are of the kind that their parameter is of', () => {
  for (const [type, parameters] of definitions.searchParameters) {
    for (const value of index(generatedResource(definitions, type, 7))) {
      const parameter = parameters.get(value.param);
      if (parameter === undefined) expect(value.param).toMatch(/^@[A-Z]|:(identifier|text|of-type)$/);
      else expect(value.kind, `${type}.${value.param}`).toBe(parameter.type);
    }
  }
});

test('the id and the time of the last update are no index values', () => {
  const resource = { resourceType: 'Patient', id: 'a', meta: { lastUpdated: '2020-01-01T00:00:00Z' } };
  const params = index(resource).map(({ param }) => param);
  expect(params).not.toContain('_id');
  expect(params).not.toContain('_lastUpdated');
});

test('many repeated codes are dropped as few are', () => {
  const item = Array.from({ length: 3000 }, (_, at) => ({
    linkId: String(at),
    code: [{ code: `c${at % 100}` }],
  }));
  const values = index({ resourceType: 'Questionnaire', item });
  expect(values.filter(({ param }) => param === 'code')).toHaveLength(100);
});

test('without a base URL of our own, absolute references stay URLs', () => {
  const reference = 'http://localhost:8080/fhir/Patient/1';
  const values = makeIndexer(definitions)({ resourceType: 'Observation', subject: { reference } });
  expect(values.find(({ param }) => param === 'subject')).toMatchObject({
    target: { kind: 'url', url: reference },
  });
});
