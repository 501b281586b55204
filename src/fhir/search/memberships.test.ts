/** What is said to follow from a search by patient does, for whatever is indexed. */
import { expect, test } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import type { JsonValue } from '../format/json.js';
import { generatedResource, seeded } from './generated-resource.js';
import { makeIndexer } from './indexer.js';
import { membershipsOf, notImplied } from './memberships.js';
import type { Predicate } from './query.js';

const SEED = 20_261_122;
const PER_TYPE = 60;
const BASE = 'http://localhost:8080/fhir';
const definitions = readDefinitions();
const memberships = membershipsOf(definitions);

const OWN: Predicate = { op: 'compartment', name: 'Patient', id: 'me' };
const by = (
  param: string,
  id = 'me',
  types: readonly string[] = ['Patient'],
  version?: string,
): Predicate => ({
  op: 'value',
  param,
  test: {
    kind: 'reference',
    target: { kind: 'local', types, id, ...(version === undefined ? {} : { version }) },
  },
});
const left = (query: Predicate, filter: Predicate = OWN, type = 'Observation'): readonly Predicate[] =>
  notImplied(filter, type, query, memberships);

/** References lead to one of a few resources, in each form that a reference may have. */
function led(value: JsonValue, random: () => number): JsonValue {
  const oneOf = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T; // the index is inside
  if (Array.isArray(value)) return value.map((one) => led(one, random));
  if (typeof value !== 'object' || value === null) return value;
  const made = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, led(one, random)]));
  if (typeof made.reference !== 'string') return made;
  const place = `${oneOf(['Patient', 'Practitioner', 'Group', 'Device', 'RelatedPerson', 'Encounter'])}/${oneOf(['a', 'b'])}`;
  const reference = oneOf([
    place,
    `${BASE}/${place}`,
    `${place}/_history/2`,
    `http://other.example/${place}`,
    '#c',
    'x',
  ]);
  return { ...made, reference };
}

test(`whoever is found by a parameter that makes members is a member, seed ${SEED}`, () => {
  const index = makeIndexer(definitions, { baseUrl: BASE });
  const random = seeded(SEED);
  let looked = 0;
  for (const type of definitions.resourceTypes.keys()) {
    for (let at = 0; at < PER_TYPE; at++) {
      const made = generatedResource(definitions, type, SEED + at);
      // Its type and id stay: only what is inside of objects was changed.
      const values = index(led(made, random) as typeof made);
      for (const value of values) {
        if (value.kind !== 'reference' || value.target.kind !== 'local') continue;
        const { type: name, id } = value.target;
        if (memberships.get(`${name} ${type}`)?.has(value.param) !== true) continue;
        looked++;
        expect(values).toContainEqual({
          kind: 'reference',
          param: `@${name}`,
          target: { kind: 'local', type: name, id },
        });
      }
    }
  }
  expect(looked).toBeGreaterThan(1_000);
});

test('a search by patient needs no look at the compartment, by whichever parameter that makes members', () => {
  expect(left(by('patient'))).toEqual([]);
  expect(left(by('subject'))).toEqual([]);
  expect(left(by('performer'))).toEqual([]);
  expect(
    left({
      op: 'and',
      of: [
        { op: 'id', ids: ['x'] },
        { op: 'and', of: [by('patient')] },
      ],
    }),
  ).toEqual([]);
  expect(left(OWN)).toEqual([]);
});

test('what does not follow is looked at', () => {
  const other: Predicate = { op: 'compartment', name: 'Patient', id: 'other' };
  expect(left({ op: 'everything' })).toEqual([OWN]);
  expect(left(by('patient', 'other'))).toEqual([OWN]);
  expect(left(by('focus'))).toEqual([OWN]);
  expect(left(by('patient', 'me', ['Patient', 'Group']))).toEqual([OWN]);
  expect(left(by('patient', 'me', ['Group']))).toEqual([OWN]);
  expect(left(by('patient', 'me', []))).toEqual([OWN]);
  expect(left(other)).toEqual([OWN]);
  expect(left({ op: 'or', of: [by('patient'), by('patient', 'other')] })).toEqual([OWN]);
  expect(left({ op: 'not', of: by('patient') })).toEqual([OWN]);
  expect(left(by('patient'), OWN, 'Medication')).toEqual([OWN]);
});

test('of a filter with several criteria those remain that do not follow', () => {
  const final: Predicate = { op: 'value', param: 'status', test: { kind: 'token', code: 'final' } };
  const other: Predicate = { op: 'compartment', name: 'Patient', id: 'other' };
  expect(left(by('patient'), { op: 'and', of: [OWN, final] })).toEqual([final]);
  expect(left(by('patient'), { op: 'or', of: [other, OWN] })).toEqual([]);
  expect(left(by('patient'), { op: 'or', of: [other, final] })).toHaveLength(1);
  expect(left(by('patient'), { op: 'or', of: [{ op: 'and', of: [OWN, final] }, other] })).toHaveLength(1);
  expect(left(by('patient'), { op: 'not', of: OWN })).toEqual([{ op: 'not', of: OWN }]);
  expect(left(by('patient'), { op: 'nothing' })).toEqual([{ op: 'nothing' }]);
});
