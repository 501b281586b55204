import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../fhir/format/json.js';
import type { Predicate } from '../fhir/search/query.js';
import { type AccessDecision, permitting } from '../ports/access-filter.js';
import { bundle, entry, statuses } from './bundle/testing.js';
import { type Answer, openWorld, type World } from './testing.js';

const GENERAL = 'http://example.org/CodeSystem/heart';
const LOINC = 'http://loinc.org';
const EVERYTHING: Predicate = { op: 'everything' };

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await put({
    resourceType: 'CodeSystem',
    id: 'heart',
    url: GENERAL,
    status: 'active',
    content: 'complete',
    concept: [
      {
        code: 'Disease',
        concept: [{ code: 'Valve', concept: [{ code: 'Mitral' }] }, { code: 'Rhythm' }],
      },
      { code: 'Sound' },
    ],
  });
  await putValueSet('valves', {
    compose: {
      include: [{ system: GENERAL, filter: [{ property: 'concept', op: 'is-a', value: 'Valve' }] }],
    },
  });
  await putValueSet('empty-shell', {});
  await put({ resourceType: 'Patient', id: 'ada', gender: 'female' });
  await put({ resourceType: 'Patient', id: 'bob', gender: 'male' });
  await put({ resourceType: 'Patient', id: 'cyd' });
  await putCondition('mitral', 'ada', GENERAL, 'MITRAL');
  await putCondition('rhythm', 'bob', GENERAL, 'Rhythm');
  await putCondition('elsewhere', 'bob', 'http://example.org/other', 'Mitral');
  await put({ resourceType: 'Condition', id: 'uncoded', subject: { reference: 'Patient/cyd' } });
  await put(observation('pulse', 'ada', LOINC, '8867-4'));
  await put(observation('height', 'bob', LOINC, '0-0'));
});
afterAll(() => world.close());

function put(resource: JsonObject): Promise<Answer> {
  return world.ask(`PUT ${resource.resourceType}/${resource.id}`, { body: resource }).then((answer) => {
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer;
  });
}

function putValueSet(id: string, rules: JsonObject): Promise<Answer> {
  return put({
    resourceType: 'ValueSet',
    id,
    url: `http://example.org/ValueSet/${id}`,
    status: 'active',
    ...rules,
  });
}

function coded(system: string, code: string): JsonObject {
  return { coding: [{ system, code }] };
}

function putCondition(id: string, patient: string, system: string, code: string): Promise<Answer> {
  const subject = { reference: `Patient/${patient}` };
  return put({ resourceType: 'Condition', id, subject, code: coded(system, code) });
}

function observation(id: string, patient: string, system: string, code: string): JsonObject {
  const subject = { reference: `Patient/${patient}` };
  return { resourceType: 'Observation', id, status: 'final', subject, code: coded(system, code) };
}

function idsIn({ json, text, status }: Answer): readonly string[] {
  expect(status, text).toBe(200);
  const entries: readonly { resource: { id: string } }[] = json.entry ?? [];
  return entries.map(({ resource }) => resource.id).sort();
}

async function found(search: string, asker: World = world): Promise<readonly string[]> {
  return idsIn(await asker.ask(`GET ${search}`));
}

async function refused(search: string): Promise<string> {
  const { status, json } = await world.ask(`GET ${search}`);
  return `${status} ${json.issue[0].code}: ${json.issue[0].details.text}`;
}

describe(':in', () => {
  it('finds what has a code of a stored value set, whatever its case, in its own system alone', async () => {
    expect(await found('Condition?code:in=http://example.org/ValueSet/valves')).toEqual(['mitral']);
  });

  it('takes a value set of this server by its id', async () => {
    expect(await found('Condition?code:in=ValueSet/valves')).toEqual(['mitral']);
  });

  it('knows the value sets of FHIR itself', async () => {
    const vitals = 'http://hl7.org/fhir/ValueSet/observation-vitalsignresult';
    expect(await found(`Observation?code:in=${vitals}`)).toEqual(['pulse']);
  });

  it('finds elements of type code, which have no system of their own', async () => {
    const genders = 'http://hl7.org/fhir/ValueSet/administrative-gender';
    expect(await found(`Patient?gender:in=${genders}`)).toEqual(['ada', 'bob']);
  });

  it('joins alternatives', async () => {
    await putValueSet('sounds', {
      compose: { include: [{ system: GENERAL, concept: [{ code: 'rhythm' }] }] },
    });
    const sets = 'http://example.org/ValueSet/sounds,http://example.org/ValueSet/valves';
    expect(await found(`Condition?code:in=${sets}`)).toEqual(['mitral', 'rhythm']);
  });

  it('prefers what is stored to what FHIR publishes', async () => {
    const url = 'http://hl7.org/fhir/ValueSet/condition-category';
    const include = [{ system: GENERAL, concept: [{ code: 'Rhythm' }] }];
    await put({ resourceType: 'ValueSet', id: 'own', url, status: 'active', compose: { include } });
    expect(await found(`Condition?code:in=${url}`)).toEqual(['rhythm']);
  });

  it('takes the latest of several versions, or the one that is named', async () => {
    const url = 'http://example.org/ValueSet/versions';
    const put1 = (id: string, version: string, code: string, status = 'active') => {
      const compose = { include: [{ system: GENERAL, concept: [{ code }] }] };
      return put({ resourceType: 'ValueSet', id, url, version, status, compose });
    };
    await put1('v10', '1.10', 'Rhythm');
    await put1('v9', '1.9', 'Mitral');
    await put1('v11', '1.11', 'Mitral', 'retired');
    expect(await found(`Condition?code:in=${url}`)).toEqual(['rhythm']);
    expect(await found(`Condition?code:in=${url}|1.9`)).toEqual(['mitral']);
    expect(await refused(`Condition?code:in=${url}|2`)).toContain(
      `400 not-found: The value set ${url}|2 is not loaded`,
    );
  });

  it('sees a value set, and what it draws on, as it is now', async () => {
    const search = 'Condition?code:in=http://example.org/ValueSet/changing';
    const rules = (valueSet: string) => ({
      compose: { include: [{ valueSet: [`http://example.org/ValueSet/${valueSet}`] }] },
    });
    const listed = (code: string) => ({ compose: { include: [{ system: GENERAL, concept: [{ code }] }] } });
    await putValueSet('imported', listed('Mitral'));
    await putValueSet('changing', rules('imported'));
    expect(await found(search)).toEqual(['mitral']);
    await putValueSet('imported', listed('Rhythm'));
    expect(await found(search)).toEqual(['rhythm']);
    await world.ask('DELETE ValueSet/imported');
    expect(await refused(search)).toContain(
      '400 not-found: The value set http://example.org/ValueSet/imported, on which',
    );
  });

  it('is quick with thousands of codes', async () => {
    const contains = Array.from({ length: 5_000 }, (_, at) => ({ system: LOINC, code: `${at}-1` }));
    await putValueSet('large', {
      expansion: { timestamp: '2024-01-01', contains: [...contains, { system: LOINC, code: '8867-4' }] },
    });
    expect(await found('Observation?code:in=http://example.org/ValueSet/large')).toEqual(['pulse']);
    expect(await found('Observation?code:not-in=http://example.org/ValueSet/large')).toEqual(['height']);
  });
});

describe(':not-in', () => {
  it('finds what has no such code, also what has none at all', async () => {
    const search = 'Condition?code:not-in=http://example.org/ValueSet/valves';
    expect(await found(search)).toEqual(['elsewhere', 'rhythm', 'uncoded']);
  });
});

describe(':below and :above on tokens', () => {
  it.each([
    ['below', 'disease', ['mitral', 'rhythm']],
    ['below', 'Valve', ['mitral']],
    ['below', 'Sound', []],
    ['above', 'Mitral', ['mitral']],
    ['above', 'Rhythm', ['rhythm']],
  ])(':%s %s', async (direction, code, ids) => {
    expect(await found(`Condition?code:${direction}=${GENERAL}|${code}`)).toEqual(ids);
  });

  it('take the only system of the element where none is named', async () => {
    expect(await found('Patient?gender:below=female')).toEqual(['ada']);
  });
});

describe('sets stand wherever a filter may stand', () => {
  const valves = 'http://example.org/ValueSet/valves';

  it.each([
    [
      'in a chain',
      `Observation?subject:Patient.gender:in=http://hl7.org/fhir/ValueSet/administrative-gender`,
      ['height', 'pulse'],
    ],
    ['behind _has', `Patient?_has:Condition:patient:code:in=${valves}`, ['ada']],
    ['negated behind _has', `Patient?_has:Condition:patient:code:not-in=${valves}`, ['bob', 'cyd']],
    ['in both', `Observation?subject:Patient._has:Condition:patient:code:below=${GENERAL}|Valve`, ['pulse']],
    ['in a compartment', `Patient/ada/Condition?code:in=${valves}`, ['mitral']],
    ['in a compartment of another', `Patient/bob/Condition?code:in=${valves}`, []],
    ['across types', `?_type=Condition,Observation&code:in=${valves}`, ['mitral']],
  ])('%s', async (_where, search, ids) => {
    expect(await found(search)).toEqual(ids);
  });

  it('in a form, and on further pages', async () => {
    const { json } = await world.ask(`POST Condition/_search?code:not-in=${valves}&_count=2`);
    expect(json.entry).toHaveLength(2);
    expect(json.link.map((each: { relation: string }) => each.relation)).toContain('next');
  });
});

describe('criteria of conditional interactions', () => {
  const criteria = `code:below=${GENERAL}|Rhythm`;

  it('find what is there', async () => {
    const body = { resourceType: 'Condition', subject: { reference: 'Patient/bob' } };
    const { status, headers } = await world.ask('POST Condition', {
      body,
      headers: { 'if-none-exist': criteria },
    });
    expect([status, headers.location]).toEqual([200, expect.stringContaining('/Condition/rhythm/')]);
  });

  it('are refused where they name what is not loaded', async () => {
    const body = { resourceType: 'Condition', subject: { reference: 'Patient/bob' } };
    const headers = { 'if-none-exist': 'code:in=http://example.org/ValueSet/none' };
    const { status, json } = await world.ask('POST Condition', { body, headers });
    expect([status, json.issue[0].code]).toEqual([400, 'not-found']);
    expect((await world.ask('DELETE Condition?code:in=http://example.org/ValueSet/none')).status).toBe(400);
  });

  it('hold in transactions: entries and conditional references', async () => {
    const resource = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
    const subject = { reference: `Patient?_has:Condition:patient:${criteria}` };
    const entries = [
      entry('POST Observation', { resource: { ...resource, subject } }),
      entry(`DELETE Condition?code:in=http://example.org/ValueSet/valves`),
    ];
    const answer = await world.ask('POST ', { body: bundle('transaction', entries) });
    expect(statuses(answer)).toEqual(['201 Created', '204 No Content']);
    await putCondition('mitral', 'ada', GENERAL, 'MITRAL');
  });

  it('of a conditional reference name the entry where they cannot be understood', async () => {
    const subject = { reference: 'Patient?gender:in=http://example.org/ValueSet/none' };
    const resource = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject };
    const body = bundle('transaction', [entry('POST Observation', { resource })]);
    const { status, json } = await world.ask('POST ', { body });
    expect([status, json.issue[0].expression]).toEqual([400, ['Bundle.entry[0]']]);
  });
});

describe('what is not loaded is refused by name', () => {
  it.each([
    [
      'Condition?code:in=http://example.org/ValueSet/none',
      'not-found: The value set http://example.org/ValueSet/none is not loaded: store it as',
    ],
    ['Condition?code:not-in=ValueSet/none', 'not-found: The value set ValueSet/none is not loaded'],
    [
      'Condition?code:below=http://snomed.info/sct|1',
      'not-found: The code system http://snomed.info/sct is not loaded',
    ],
    [
      `Condition?code:above=${GENERAL}|Lung`,
      `code-invalid: The code system ${GENERAL}, as it is loaded, has no such code`,
    ],
    [
      'Condition?code:in=http://hl7.org/fhir/ValueSet/body-site',
      'not-found: The value set http://hl7.org/fhir/ValueSet/body-site is not loaded',
    ],
    [
      'Condition?code:in=http://example.org/ValueSet/empty-shell',
      'not-supported: The value set http://example.org/ValueSet/empty-shell is stored without',
    ],
  ])('%s', async (search, text) => {
    expect(await refused(search)).toContain(`400 ${text}`);
  });

  it('also a value set that the asker may not see', async () => {
    const seeing: AccessDecision = {
      principal: 'somebody',
      ...permitting({ kind: 'restricted', byType: { Condition: EVERYTHING } }),
    };
    const { status, json } = await world.as(seeing).ask('GET Condition?code:in=ValueSet/valves');
    expect([status, json.issue[0].code]).toEqual([400, 'not-found']);
    const vitals = 'http://hl7.org/fhir/ValueSet/observation-vitalsignresult';
    expect(await found(`Condition?code:in=${vitals}`, world.as(seeing))).toEqual([]);
  });
});
