import { describe, expect, test } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import { Refusal } from '../outcome.js';
import {
  type ParsedSearch,
  parseCondition,
  parseSearch,
  type SearchOptions,
  type SearchScope,
} from './parse-search.js';

const definitions = readDefinitions();

const OPTIONS: SearchOptions = {
  lenient: false,
  now: Date.UTC(2024, 0, 1),
  baseUrl: 'http://localhost:8080/fhir',
  defaultCount: 50,
  maxCount: 1000,
};

function search(scope: SearchScope, query: string, lenient = false): ParsedSearch {
  return parseSearch(definitions, scope, [...new URLSearchParams(query)], { ...OPTIONS, lenient });
}

function refusal(run: () => unknown): Refusal {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const patients = (query: string, lenient?: boolean) => search({ type: 'Patient' }, query, lenient);
const observations = (query: string) => search({ type: 'Observation' }, query);
const texts = (run: () => unknown) => refusal(run).issues.map(({ text }) => text);

describe('filters', () => {
  test('repeated parameters are joined by AND', () => {
    expect(patients('given=ann&given=bea').query.parts).toEqual([
      {
        type: 'Patient',
        where: {
          op: 'and',
          of: ['ann', 'bea'].map((value) => ({
            op: 'value',
            param: 'given',
            test: { kind: 'string', mode: 'starts', value },
          })),
        },
      },
    ]);
  });

  test('no filter finds everything', () => {
    expect(patients('').query).toEqual({
      parts: [{ type: 'Patient', where: { op: 'everything' } }],
      sort: [],
    });
  });

  test('all problems come at once', () => {
    const { kind, issues } = refusal(() => patients('birthdate=soon&colour=red&gender:exact=x&_count=-1'));
    expect(kind).toBe('invalid-parameter');
    expect(issues.map(({ code }) => code)).toEqual(['invalid', 'not-supported', 'not-supported', 'invalid']);
  });

  test('unknown parameters alone are a refusal of their own kind', () => {
    expect(refusal(() => patients('colour=red')).kind).toBe('unknown-parameter');
  });

  test('no text of a refusal repeats a value', () => {
    const values =
      'birthdate=SECRET&name=%20&active=SECRET&general-practitioner=SECRET%20X&_count=SECRET&_sort=SECRET';
    expect(texts(() => patients(values)).join()).not.toContain('SECRET');
  });

  test('what others read is left to them', () => {
    expect(patients('_format=json&_pretty=true&_cursor=abc').applied).toEqual([]);
  });
});

describe('lenient handling', () => {
  test('leaves out what is unknown or empty, with a warning each', () => {
    const { applied, warnings, query } = patients('colour=red&name=&gender=male', true);
    expect(applied).toEqual([['gender', 'male']]);
    expect(warnings.map(({ severity, text }) => [severity, text])).toEqual([
      [
        'warning',
        'The search parameter colour is not known on Patient: /metadata lists those there are. It was left out.',
      ],
      [
        'warning',
        'The search parameter name has no value: give one or leave the parameter out. It was left out.',
      ],
    ]);
    expect(query.parts[0]?.where).toMatchObject({ op: 'value', param: 'gender' });
  });

  test('never leaves out a modifier or a malformed value', () => {
    expect(refusal(() => patients('gender:text=x', true)).status).toBe(400);
    expect(refusal(() => patients('birthdate=soon', true)).status).toBe(400);
  });
});

test('the same parameter twice with the same value is taken once', () => {
  expect(patients('gender=male&_count=5&gender=male&_count=5').applied).toEqual([
    ['gender', 'male'],
    ['_count', '5'],
  ]);
});

describe('results', () => {
  test('defaults', () => {
    expect(patients('')).toMatchObject({ count: 50, total: 'none', includes: [], warnings: [], applied: [] });
  });

  test('a count above the limit is cut, and the applied search says so', () => {
    expect(patients('_count=5000')).toMatchObject({ count: 1000, applied: [['_count', '1000']] });
  });

  test('a count of 0 and _summary=count ask for the total alone', () => {
    expect(patients('_count=0')).toMatchObject({ count: 0, total: 'accurate' });
    expect(patients('_summary=count')).toMatchObject({ count: 0, total: 'accurate', summary: 'count' });
    expect(patients('_count=0&_total=estimate')).toMatchObject({ count: 0, total: 'estimate' });
  });

  test.each(['true', 'text', 'data', 'false'])('_summary=%s', (summary) => {
    expect(patients(`_summary=${summary}`).summary).toBe(summary);
  });

  test('_elements, several times and with a type', () => {
    expect(patients('_elements=name,birthDate&_elements=Patient.gender,name').elements).toEqual([
      'name',
      'birthDate',
      'Patient.gender',
    ]);
  });

  test('sort keys in their order', () => {
    expect(observations('_sort=-date,code&_sort=_id').query.sort).toEqual([
      { param: 'date', kind: 'date', descending: true },
      { param: 'code', kind: 'token', descending: false },
      { param: '_id', kind: 'token', descending: false },
    ]);
    expect(patients('_sort=-_lastUpdated').query.sort[0]).toMatchObject({ kind: 'date', descending: true });
  });

  test.each([
    ['_count=x', 'The search parameter _count must be a whole number, 0 or more.'],
    ['_count=1&_count=2', 'The search parameter _count is given more than once.'],
    ['_total=some', 'The search parameter _total must be one of none, estimate, accurate.'],
    ['_summary=x', 'The search parameter _summary must be one of true, text, data, count, false.'],
    [
      '_sort=brithdate',
      'The search parameter _sort names a sort key that is not known on Patient: did you mean birthdate?',
    ],
    ['_sort=', 'The search parameter _sort has no value: give one or leave the parameter out.'],
    [`_sort=${'name,'.repeat(10)}name`, 'The search parameter _sort has more than 10 keys.'],
    ['_sort:desc=name', 'The search parameter _sort:desc takes no modifier.'],
    [
      '_elements=nmae',
      'The search parameter _elements names an element that does not exist: did you mean name?',
    ],
    ['_include:foo=Patient:link', 'The search parameter _include:foo takes no modifier but :iterate.'],
    ['_type=Patient', 'The search parameter _type is possible only where the path names no type.'],
    [
      '_summary=text&_include=Patient:link',
      'The search parameter _summary cannot be text together with _include or _revinclude.',
    ],
  ])('%s is refused', (query, text) => {
    expect(texts(() => patients(query))).toEqual([text]);
  });

  test('a composite is no sort key', () => {
    expect(texts(() => observations('_sort=code-value-quantity'))[0]).toContain('type composite');
  });
});

describe('includes', () => {
  test.each([
    [
      '_include=Observation:subject',
      { direction: 'forward', source: 'Observation', param: 'subject', iterate: false },
    ],
    [
      '_include=Observation:subject:Patient',
      { direction: 'forward', source: 'Observation', param: 'subject', target: 'Patient', iterate: false },
    ],
    ['_include=Observation:*', { direction: 'forward', source: 'Observation', param: '*', iterate: false }],
    ['_include=*', { direction: 'forward', source: 'Observation', param: '*', iterate: false }],
    [
      '_include:iterate=Patient:organization',
      { direction: 'forward', source: 'Patient', param: 'organization', iterate: true },
    ],
    [
      '_include:recurse=Patient:link',
      { direction: 'forward', source: 'Patient', param: 'link', iterate: true },
    ],
    [
      '_revinclude=Provenance:target',
      { direction: 'reverse', source: 'Provenance', param: 'target', iterate: false },
    ],
  ])('%s', (query, include) => {
    expect(observations(query).includes).toEqual([include]);
  });

  test('a wildcard of all types names those that can refer here', () => {
    const sources = patients('_revinclude=*').includes.map(({ source }) => source);
    expect(sources).toContain('Observation');
    expect(sources).not.toContain('CodeSystem');
  });

  test.each([
    [
      '_include=Patient:organization',
      'begins with Patient, which is not searched here: that needs _include:iterate',
    ],
    ['_include=Observation', 'has the form Type:reference or Type:*'],
    ['_include=Observaton:subject', 'begins with no resource type: did you mean Observation?'],
    [
      '_include=Observation:sbuject',
      'names a reference that is not known on Observation: did you mean subject',
    ],
    ['_include=Observation:code', 'which is of type token, not a reference'],
    ['_include=Observation:subject:Encounter', 'which cannot refer to Encounter, only to'],
    ['_include=Observation:subject:Foo', 'ends with no resource type'],
    ['_include=*:subject', 'is * alone, or begins with a resource type'],
    ['_include=a:b:c:d', 'has the form Type:reference or Type:reference:Target'],
    ['_revinclude=Encounter:subject', 'which refers to Group, Patient only'],
  ])('%s is refused', (query, part) => {
    expect(texts(() => observations(query))[0]).toContain(part);
  });
});

describe('several types', () => {
  test('each type has its own tree, in the order asked for', () => {
    const { parts } = search({}, '_type=Patient,Observation&_id=a').query;
    expect(parts).toEqual([
      { type: 'Patient', where: { op: 'id', ids: ['a'] } },
      { type: 'Observation', where: { op: 'id', ids: ['a'] } },
    ]);
  });

  test('without _type, all types are searched but AuditEvent, which is searched where it is named', () => {
    const types = (query: string): string[] => search({}, query).query.parts.map(({ type }) => type);
    const others = [...definitions.resourceTypes.keys()].filter((type) => type !== 'AuditEvent');
    expect(types('_id=a')).toEqual(others);
    expect(types('_type=Patient,AuditEvent')).toEqual(['Patient', 'AuditEvent']);
  });

  test('a parameter must be known on all of them', () => {
    expect(search({}, '_type=Condition,Procedure&code=x').query.parts).toHaveLength(2);
    expect(texts(() => search({}, '_type=Patient,Observation&gender=male'))).toEqual([
      expect.stringContaining('The search parameter gender is not known on Observation'),
    ]);
  });

  test.each(['_type=Pateint', '_type=Patient&_type=Group', '_type=Patient,'])('%s is refused', (query) => {
    expect(refusal(() => search({}, query)).issues[0]?.text).toContain('_type');
  });

  test('keys that are not the same kind on all types cannot sort', () => {
    expect(texts(() => search({}, '_type=Patient,Observation&_sort=birthdate'))).toHaveLength(1);
  });
});

describe('compartments', () => {
  const compartment = { name: 'Patient', id: '1' };

  test('membership is one more criterion', () => {
    expect(search({ type: 'Condition', compartment }, '').query.parts).toEqual([
      { type: 'Condition', where: { op: 'compartment', name: 'Patient', id: '1' } },
    ]);
  });

  test('of all types, those that can be members are searched', () => {
    const types = search({ compartment }, '').query.parts.map(({ type }) => type);
    expect(types).toContain('Patient');
    expect(types).toContain('Observation');
    expect(types).not.toContain('Medication');
  });

  test('a type that is never a member, or a compartment that does not exist, is not found', () => {
    expect(refusal(() => search({ type: 'Medication', compartment }, '')).status).toBe(404);
    expect(refusal(() => search({ compartment: { name: 'Group', id: '1' } }, '')).status).toBe(404);
    expect(refusal(() => search({ type: 'Pateint' }, '')).kind).toBe('unknown-type');
  });
});

describe('limits', () => {
  test('ten levels of a chain are read', () => {
    const name = `${'part-of.'.repeat(10)}status`;
    expect(search({ type: 'Encounter' }, `${name}=x`).query.parts).toHaveLength(1);
  });

  test('a chain without end is refused', () => {
    expect(
      refusal(() => search({ type: 'Encounter' }, `${'part-of.'.repeat(5000)}status=x`)).issues[0]?.code,
    ).toBe('too-costly');
  });

  test('a chain that grows by the power of its targets is refused, quickly', () => {
    const name = `${'part-of.'.repeat(20)}status`;
    expect(refusal(() => search({ type: 'Procedure' }, `${name}=x`)).issues[0]?.code).toBe('too-costly');
  });
});

describe('many values', () => {
  const tags = Array.from({ length: 2000 }, (_, at) => `t${at}`).join(',');

  test('are read on one type', () => {
    expect(patients(`_tag=${tags}`).query.parts[0]?.where).toMatchObject({ op: 'or' });
  });

  test('are refused on every type', () => {
    expect(refusal(() => search({}, `_tag=${tags}`)).issues[0]?.code).toBe('too-costly');
  });

  test('are counted before they are read', () => {
    const pairs = Array.from({ length: 501 }, (_, at) => ['_tag', `t${at}`] as const);
    expect(refusal(() => parseSearch(definitions, { type: 'Patient' }, pairs, OPTIONS)).status).toBe(400);
    expect(refusal(() => parseCondition(definitions, 'Patient', pairs)).status).toBe(400);
  });
});

describe('many comparisons of a filter', () => {
  const filter = (count: number) => Array.from({ length: count }, (_, at) => `_id eq a${at}`).join(' or ');

  test('are read on one type, and on all types where they are few', () => {
    expect(patients(`_filter=${filter(5_000)}`).query.parts[0]?.where).toMatchObject({ op: 'or' });
    expect(search({}, `_filter=${filter(100)}`).query.parts).toHaveLength(definitions.resourceTypes.size - 1);
  });

  test('are refused past what one search may ask', () => {
    expect(refusal(() => search({}, `_filter=${filter(2_000)}`)).issues[0]?.code).toBe('too-costly');
    expect(refusal(() => patients(`_filter=${filter(25_000)}`)).issues[0]?.code).toBe('too-costly');
  });

  test('that grow by the power of their references are refused, quickly', () => {
    const chain = `${'part-of.'.repeat(20)}status eq x`;
    const bracket = `${'part-of['.repeat(20)}status eq x${'].status eq y'.repeat(20)}`;
    for (const text of [chain, bracket]) {
      const { issues } = refusal(() => search({ type: 'Procedure' }, `_filter=${text}`));
      expect(issues[0]?.code).toBe('too-costly');
    }
  });

  test('are read once for all types', () => {
    expect(texts(() => search({}, `_filter=${'('.repeat(1_000_000)}`))).toEqual([
      'The search parameter _filter is nested deeper than 100 levels: search in several requests.',
    ]);
  });
});

describe('what is served in part', () => {
  test('is not left out under lenient handling', () => {
    for (const query of ['_filter=nmae eq x', '_query=x', '_list=$current-problems']) {
      expect(refusal(() => patients(query, true)).issues[0]?.code).toBe('not-supported');
    }
  });
});

describe('applied', () => {
  test('parsing it again gives the same search', () => {
    const first = observations(
      'patient=1&_sort=-date&_count=5000&_include=*&code:not=a,b&_elements=code&_total=accurate',
    );
    const again = parseSearch(definitions, { type: 'Observation' }, first.applied, OPTIONS);
    expect(again).toEqual(first);
  });
});

describe('conditions', () => {
  test('are filters, from pairs or from text', () => {
    const where = { op: 'value', param: 'identifier', test: { kind: 'token', system: 'urn:x', code: '1' } };
    expect(parseCondition(definitions, 'Patient', 'identifier=urn:x%7C1')).toEqual(where);
    expect(parseCondition(definitions, 'Patient', [['identifier', 'urn:x|1']])).toEqual(where);
  });

  test.each(['colour=red', '_count=1', '_sort=name', 'name=', '_include=Patient:link', '_format=json'])(
    '%s is refused',
    (criteria) => {
      expect(refusal(() => parseCondition(definitions, 'Patient', criteria)).status).toBe(400);
    },
  );

  test('an approximate date needs to know the time', () => {
    expect(refusal(() => parseCondition(definitions, 'Patient', 'birthdate=ap2020')).status).toBe(400);
    expect(parseCondition(definitions, 'Patient', 'birthdate=ap2020', { now: 0 })).toMatchObject({
      op: 'value',
    });
  });
});
