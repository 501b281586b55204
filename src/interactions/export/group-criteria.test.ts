/** $export of Groups whose members are told by criteria: member filters and characteristics. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccessDecision, permitting } from '../../ports/access-filter.js';
import { openWorld, type World } from '../testing.js';
import { ASYNC, begin, collected, exported, observation, put, remove } from './exporting/testing.js';

const FILTER = 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter';
const LOINC = 'http://loinc.org';
const SNOMED = 'http://snomed.info/sct';

let world: World;
beforeAll(async () => {
  world = await openWorld();
  const condition = (patient: string, code: string): object => ({
    code: { coding: [{ system: SNOMED, code }] },
    subject: { reference: `Patient/${patient}` },
  });
  await put(world, 'Patient', 'ada', { gender: 'female' });
  await put(world, 'Patient', 'bob', { gender: 'male' });
  await put(world, 'Patient', 'cleo', { gender: 'female', deceasedBoolean: true });
  await put(world, 'Patient', 'dan', { gender: 'male' });
  await put(world, 'Condition', 'ada-1', condition('ada', '1'));
  await put(world, 'Condition', 'bob-1', condition('bob', '1'));
  await put(world, 'Condition', 'cleo-2', condition('cleo', '2'));
  await put(world, 'Observation', 'ada', observation('ada', 'high'));
  await put(world, 'Observation', 'dan', observation('dan', 'high'));
});
afterAll(() => world.close());

const filters = (...expressions: readonly string[]): object => ({
  modifierExtension: expressions.map((expression) => ({
    url: FILTER,
    valueExpression: { language: 'application/x-fhir-query', expression },
  })),
});
const concept = (system: string, code: string): object => ({ coding: [{ system, code }] });
const GENDER = 'http://hl7.org/fhir/administrative-gender';
const sex = (code: string, more: object = {}): object => ({
  code: concept(LOINC, '46098-0'),
  valueCodeableConcept: concept(GENDER, code),
  exclude: false,
  ...more,
});
const diagnosis = (code: string, more: object = {}): object => ({
  code: concept(LOINC, '29308-4'),
  valueCodeableConcept: concept(SNOMED, code),
  exclude: false,
  ...more,
});
const characterised = (...characteristic: readonly object[]): object => ({ characteristic });
const listed = (...ids: readonly string[]): object => ({
  actual: true,
  member: ids.map((id) => ({ entity: { reference: `Patient/${id}` } })),
});

async function group(more: object): Promise<void> {
  await put(world, 'Group', 'g', { type: 'person', actual: false, ...more });
}

const patientsIn = (keys: readonly string[]): readonly string[] =>
  keys.filter((key) => key.startsWith('Patient/')).map((key) => key.slice('Patient/'.length));

describe('a Group by criteria', () => {
  it.each<readonly [string, object, readonly string[]]>([
    ['a filter on patients', filters('Patient?gender=female'), ['ada', 'cleo']],
    ['a filter on records', filters(`Condition?code=${SNOMED}|1`), ['ada', 'bob']],
    ['a filter of several criteria', filters('Patient?gender=female&deceased=false'), ['ada']],
    [
      'several filters, each on the record',
      filters(`Condition?code=${SNOMED}|1`, 'Observation?code=high'),
      ['ada'],
    ],
    ['a filter that nobody meets', filters('Patient?gender=other'), []],
    [
      'members that are listed, as far as they meet the filter',
      { ...filters('Patient?gender=male'), ...listed('ada', 'bob', 'nobody') },
      ['bob'],
    ],
    [
      'an actual Group with a filter alone',
      { ...filters('Patient?gender=male'), actual: true },
      ['bob', 'dan'],
    ],
    ['gender', characterised(sex('male')), ['bob', 'dan']],
    ['a diagnosis', characterised(diagnosis('1')), ['ada', 'bob']],
    ['several characteristics', characterised(sex('female'), diagnosis('1')), ['ada']],
    ['what excludes', characterised(sex('female'), diagnosis('1', { exclude: true })), ['cleo']],
    ['nothing but what excludes', characterised(diagnosis('1', { exclude: true })), ['cleo', 'dan']],
    [
      'one of several codes for the same',
      characterised(
        diagnosis('1', {
          valueCodeableConcept: {
            coding: [
              { system: SNOMED, code: '2' },
              { system: 'urn:other', code: 'two' },
            ],
          },
        }),
      ),
      ['cleo'],
    ],
    [
      'deceased',
      characterised({ code: concept(SNOMED, '419099009'), valueBoolean: true, exclude: false }),
      ['cleo'],
    ],
    [
      'a filter and a characteristic',
      { ...filters('Patient?gender=female'), ...characterised(diagnosis('2')) },
      ['cleo'],
    ],
  ])('has the members that are told by %s', async (_, more, ids) => {
    await group(more);

    const searched = await exported(world, 'GET Group/g/$export?_type=Patient');
    const scanned = await exported(world, 'GET Group/g/$export?_type=Patient&_since=2020-01-01');

    expect(patientsIn(searched.keys)).toEqual(ids);
    expect(patientsIn(scanned.keys)).toEqual(ids);
  });

  it('has the members with what is in their records, and nobody else’s', async () => {
    await group(filters('Patient?gender=female'));

    const { keys } = await exported(world, 'GET Group/g/$export?_type=Patient,Condition,Observation');

    expect(keys).toEqual([
      'Condition/ada-1',
      'Condition/cleo-2',
      'Observation/ada',
      'Patient/ada',
      'Patient/cleo',
    ]);
  });

  it('is resolved as of the kick-off', async () => {
    await group(filters('Observation?code=high'));
    const status = await begin(world, 'GET Group/g/$export?_type=Patient');
    await put(world, 'Observation', 'bob', observation('bob', 'high'));
    await put(world, 'Observation', 'ada', observation('ada', 'low'));

    const { keys } = await collected(world, status);

    await put(world, 'Observation', 'ada', observation('ada', 'high'));
    await remove(world, 'Observation/bob');
    expect(patientsIn(keys)).toEqual(['ada', 'dan']);
  });

  it('is narrowed to patients that are named, and says how many are no members', async () => {
    await group(filters('Patient?gender=female'));

    const line = 'GET Group/g/$export?_type=Patient&patient=Patient/ada,Patient/bob';
    const { keys, manifest, lines } = await exported(world, line);

    expect(keys).toEqual(['Patient/ada']);
    const [outcome = ''] = manifest.error[0] === undefined ? [] : await lines(manifest.error[0]);
    expect(outcome).toContain('Of the 2 patients that the parameter patient names, 1 are not');
  });

  it('organizes its output by those who meet it', async () => {
    await group(characterised(sex('female')));

    const { keys } = await exported(world, 'GET Group/g/$export?_type=Patient&organizeOutputBy=Patient');

    expect(patientsIn(keys)).toEqual(['ada', 'cleo']);
  });
});

describe('criteria of a Group', () => {
  const seeing = (byType: Record<string, object>): World => {
    const access = { kind: 'restricted', byType } as unknown as AccessDecision['read'];
    return world.as({ principal: 'service', ...permitting(access) });
  };
  const everything = { op: 'everything' };

  it('make nobody a member by what may not be seen', async () => {
    await group(filters(`Condition?code=${SNOMED}|1`));
    const some = seeing({
      Patient: everything,
      Group: everything,
      Condition: { op: 'id', ids: ['bob-1'] },
    });

    expect(patientsIn((await exported(some, 'GET Group/g/$export')).keys)).toEqual(['bob']);
  });

  it('are refused where they are about a type that may not be searched', async () => {
    await group(characterised(diagnosis('1', { exclude: true })));
    const none = seeing({ Patient: everything, Group: everything });

    const answer = await none.ask('GET Group/g/$export', { headers: ASYNC });

    expect(answer.status).toBe(403);
    expect(answer.text).toContain('Condition.s');
  });

  it.each<readonly [string, object, string, RegExp]>([
    ['none', {}, 'Group', /lists no members/],
    ['of no persons', { ...filters('Patient?gender=male'), type: 'practitioner' }, 'Group.type', /person/],
    [
      'in another language',
      { modifierExtension: [{ url: FILTER, valueExpression: { language: 'text/cql', expression: 'x' } }] },
      'Group.modifierExtension[0].valueExpression.language',
      /x-fhir-query/,
    ],
    [
      'without an expression',
      { modifierExtension: [{ url: FILTER, valueString: 'x' }] },
      'Group.modifierExtension[0].valueExpression.language',
      /x-fhir-query/,
    ],
    [
      'by a modifier that is not known',
      { ...listed('ada'), modifierExtension: [{ url: 'urn:other', valueBoolean: true }] },
      'Group.modifierExtension[0]',
      /not understood/,
    ],
    [
      'that are no search',
      filters('ada'),
      'Group.modifierExtension[0].valueExpression.expression',
      /a search on one type/,
    ],
    [
      'with a placeholder',
      filters('Patient?_id={{%patient}}'),
      'Group.modifierExtension[0].valueExpression.expression',
      /a search on one type/,
    ],
    [
      'on what is in no record',
      filters('Patient?gender=male', 'Organization?name=x'),
      'Group.modifierExtension[1].valueExpression.expression',
      /Organization/,
    ],
    [
      'by a parameter that is not there',
      filters('Patient?colour=blue'),
      'Group.modifierExtension[0].valueExpression.expression',
      /colour/,
    ],
    [
      'that say how a result looks',
      filters('Patient?_sort=name'),
      'Group.modifierExtension[0].valueExpression.expression',
      /_sort/,
    ],
    [
      'by a characteristic that is not known',
      characterised(sex('male'), { ...sex('male'), code: { text: 'sex' } }),
      'Group.characteristic[1].code',
      /gender \(http:\/\/loinc\.org\|46098-0/,
    ],
    [
      'by a value of another kind',
      characterised({ code: concept(LOINC, '46098-0'), valueBoolean: true, exclude: false }),
      'Group.characteristic[0].valueBoolean',
      /valueCodeableConcept/,
    ],
    [
      'by a gender of another system',
      characterised(sex('male', { valueCodeableConcept: concept(SNOMED, '1') })),
      'Group.characteristic[0].valueCodeableConcept',
      /administrative-gender/,
    ],
    [
      'by a diagnosis in words',
      characterised(diagnosis('1', { valueCodeableConcept: { text: 'gout' } })),
      'Group.characteristic[0].valueCodeableConcept',
      /system and code/,
    ],
    [
      'of a time',
      characterised(diagnosis('1', { period: { start: '2020' } })),
      'Group.characteristic[0].period',
      /not understood/,
    ],
  ])('are refused: %s', async (_, more, expression, text) => {
    await group(more);

    const answer = await world.ask('GET Group/g/$export', { headers: ASYNC });

    expect(answer.status, answer.text).toBe(422);
    expect(answer.json.issue).toHaveLength(1);
    expect(answer.json.issue[0].expression).toEqual([expression]);
    expect(answer.json.issue[0].details.text).toMatch(text);
  });
});
