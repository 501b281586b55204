/** Searches of contained resources, through requests. https://hl7.org/fhir/R4/search.html#contained */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../fhir/format/json.js';
import { permitting, type RestrictedAccess } from '../ports/access-filter.js';
import { BASE, below, openWorld, type World } from './testing.js';

interface Entry {
  readonly fullUrl: string;
  readonly resource: { readonly resourceType: string; readonly id: string; readonly [name: string]: unknown };
  readonly search: { readonly mode: string };
}

interface Page {
  readonly entry?: readonly Entry[];
  readonly link: readonly { readonly relation: string; readonly url: string }[];
}

let world: World;

const put = async (resource: JsonObject & { readonly resourceType: string; readonly id: string }) => {
  const { status } = await world.ask(`PUT ${resource.resourceType}/${resource.id}`, { body: resource });
  expect([200, 201]).toContain(status);
};

const medication = (id: string, ingredient: string, more: JsonObject = {}): JsonObject => ({
  resourceType: 'Medication',
  id,
  ingredient: [{ itemCodeableConcept: { coding: [{ system: 'http://acme.example', code: ingredient }] } }],
  ...more,
});

const prescription = (id: string, contained: readonly JsonObject[], more: JsonObject = {}) =>
  put({
    resourceType: 'MedicationRequest',
    id,
    status: 'active',
    intent: 'order',
    ...(contained.length === 0 ? {} : { contained: [...contained] }),
    medicationReference: { reference: contained.length === 0 ? 'Medication/stored' : '#m1' },
    subject: { reference: 'Patient/ada' },
    ...more,
  });

const urls = ({ entry = [] }: { readonly entry?: readonly Entry[] }) =>
  entry.map(({ fullUrl }) => fullUrl.slice(BASE.length + 1));
const found = async (query: string, by: World = world) => {
  const { status, json } = await by.ask(`GET ${query}`);
  expect(status, JSON.stringify(json)).toBe(200);
  return urls(json);
};

beforeAll(async () => {
  world = await openWorld();
  await put({ resourceType: 'Patient', id: 'ada' });
  await put({ resourceType: 'Patient', id: 'bob' });
  await put({ resourceType: 'Organization', id: 'acme', name: 'Acme' });
  await put(medication('stored', 'abc') as JsonObject & { resourceType: string; id: string });
  const maker = { manufacturer: { reference: 'Organization/acme' } };
  await prescription('one', [medication('m1', 'abc', maker)]);
  await prescription(
    'two',
    [medication('m1', 'abc'), medication('m2', 'abc', { amount: { numerator: { value: 1.5 } } })],
    {
      reasonReference: [{ reference: '#m2' }],
    },
  );
  await prescription('other', [medication('m1', 'xyz')], { subject: { reference: 'Patient/bob' } });
  await prescription('plain', []);
});
afterAll(() => world.close());

describe('without _contained', () => {
  test('contained resources are not found', async () => {
    expect(await found('Medication?ingredient-code=abc')).toEqual(['Medication/stored']);
    expect(await found('Medication?ingredient-code=abc&_contained=false')).toEqual(['Medication/stored']);
  });

  test('chains are evaluated inside contained resources, and go on from there', async () => {
    expect(await found('MedicationRequest?medication.ingredient-code=abc')).toEqual([
      'MedicationRequest/one',
      'MedicationRequest/two',
      'MedicationRequest/plain',
    ]);
    expect(await found('MedicationRequest?medication.manufacturer.name=acme')).toEqual([
      'MedicationRequest/one',
    ]);
    expect(await found('MedicationRequest?medication:Medication._id=m1&_count=1')).toHaveLength(1);
  });

  test('a reference to what is contained is there, and includes nothing', async () => {
    expect(await found('MedicationRequest?medication:missing=true')).toEqual([]);
    expect(await found('MedicationRequest?_id=one&_include=MedicationRequest:medication')).toEqual([
      'MedicationRequest/one',
    ]);
  });
});

describe('_contained', () => {
  test('true answers the containers, each once, as matches', async () => {
    const { json } = await world.ask('GET Medication?ingredient-code=abc&_contained=true&_total=accurate');
    expect(json.total).toBe(2);
    expect(urls(json)).toEqual(['MedicationRequest/one', 'MedicationRequest/two']);
    expect(json.entry[0]).toMatchObject({
      resource: { resourceType: 'MedicationRequest', contained: [{ id: 'm1' }], meta: { versionId: '1' } },
      search: { mode: 'match' },
    });
  });

  test('true with _containedType=contained answers the contained resource under the URL of its container', async () => {
    const { json, text } = await world.ask(
      'GET Medication?ingredient-code=abc&_contained=true&_containedType=contained&_total=accurate',
    );
    expect(json.total).toBe(3);
    expect(urls(json)).toEqual([
      'MedicationRequest/one#m1',
      'MedicationRequest/two#m1',
      'MedicationRequest/two#m2',
    ]);
    expect(json.entry[0]).toEqual({
      fullUrl: `${BASE}/MedicationRequest/one#m1`,
      resource: medication('m1', 'abc', { manufacturer: { reference: 'Organization/acme' } }),
      search: { mode: 'match' },
    });
    expect(text).toContain('_contained=true');
  });

  test('both answers stored and contained resources', async () => {
    expect(await found('Medication?ingredient-code=abc&_contained=both')).toEqual([
      'Medication/stored',
      'MedicationRequest/one',
      'MedicationRequest/two',
    ]);
    expect(
      await found('Medication?ingredient-code=xyz,abc&_contained=both&_containedType=contained'),
    ).toEqual([
      'Medication/stored',
      'MedicationRequest/one#m1',
      'MedicationRequest/two#m1',
      'MedicationRequest/two#m2',
      'MedicationRequest/other#m1',
    ]);
  });

  test('finds by local id, by what refers to it, and by what it refers to', async () => {
    const contained = '_contained=true&_containedType=contained';
    expect(await found(`Medication?_id=m2&${contained}`)).toEqual(['MedicationRequest/two#m2']);
    expect(await found(`Medication?_has:MedicationRequest:medication:_id=one&${contained}`)).toEqual([
      'MedicationRequest/one#m1',
    ]);
    expect(await found(`Medication?manufacturer.name=acme&${contained}`)).toEqual([
      'MedicationRequest/one#m1',
    ]);
  });

  test('is counted, sorted and shortened like any search', async () => {
    const all = 'Medication?_contained=true&_containedType=contained';
    const { json } = await world.ask(`GET ${all}&_summary=count`);
    expect(json).toMatchObject({ total: 4 });
    expect(await found(`${all}&_sort=-_id&_count=2`)).toEqual([
      'MedicationRequest/two#m2',
      'MedicationRequest/two#m1',
    ]);
    const elements = (await world.ask(`GET ${all}&_id=m2&_elements=id`)).json;
    expect(Object.keys(elements.entry[0].resource)).not.toContain('ingredient');
  });

  // Those of one container share its time, so nothing but themselves tells them apart.
  test.each(['', '&_sort=_lastUpdated', '&_sort=-_lastUpdated', '&_sort=-_id'])(
    'are each on one page of a sequence%s',
    async (sort) => {
      const all = `Medication?_contained=true&_containedType=contained${sort}`;
      const pages: string[] = [];
      let next: string | undefined = `${all}&_count=1`;
      while (next !== undefined) {
        const page: Page = (await world.ask(`GET ${next}`)).json;
        pages.push(...urls(page));
        const url = page.link.find(({ relation }) => relation === 'next')?.url;
        next = url === undefined ? undefined : below(url);
      }
      expect(pages).toEqual(await found(all));
      expect(pages).toHaveLength(4);
    },
  );

  test('works in POST _search, over several types, and beside what containers include', async () => {
    const posted = await world.ask('POST Medication/_search?_contained=true&ingredient-code=xyz');
    expect(urls(posted.json)).toEqual(['MedicationRequest/other']);
    expect(
      await found('?_type=Medication,Organization&_contained=true&_containedType=contained&_id=m2'),
    ).toEqual(['MedicationRequest/two#m2']);
    expect(await found('?_contained=true&_id=m2')).toEqual(['MedicationRequest/two']);
    const include = '_include:iterate=MedicationRequest:patient';
    expect(await found(`Medication?ingredient-code=xyz&_contained=true&${include}`)).toEqual([
      'MedicationRequest/other',
      'Patient/bob',
    ]);
  });

  test('in a compartment finds what the members of the compartment contain', async () => {
    await put({
      resourceType: 'Condition',
      id: 'with',
      contained: [{ resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'x' } }],
      evidence: [{ detail: [{ reference: '#o' }] }],
      subject: { reference: 'Patient/bob' },
    });
    const contained = '_contained=true&_containedType=contained';
    expect(await found(`Patient/bob/Observation?${contained}`)).toEqual(['Condition/with#o']);
    expect(await found(`Patient/ada/Observation?${contained}`)).toEqual([]);
  });

  test('is no criterion of a condition', async () => {
    const { status } = await world.ask('PUT Medication?ingredient-code=abc&_contained=true', {
      body: medication('x', 'abc'),
    });
    expect(status).toBe(400);
  });
});

describe('what may be seen', () => {
  const grant = (byType: RestrictedAccess['byType']) =>
    world.as({
      principal: 'limited',
      ...permitting({ kind: 'restricted', byType: {} }),
      read: { kind: 'restricted', byType },
      search: { kind: 'restricted', byType },
    });
  const search =
    'Medication?ingredient-code=abc,xyz&_contained=both&_containedType=contained&_total=accurate';
  const everything = { op: 'everything' } as const;

  test('is decided by the container, not by the type of what it contains', async () => {
    const medications = grant({ Medication: everything });
    expect(await found(search, medications)).toEqual(['Medication/stored']);
    const ofBob = grant({ MedicationRequest: { op: 'compartment', name: 'Patient', id: 'bob' } });
    const { json } = await ofBob.ask(`GET ${search.replace('both', 'true')}`);
    expect([urls(json), json.total]).toEqual([['MedicationRequest/other#m1'], 1]);
    expect((await ofBob.ask(`GET ${search}`)).status).toBe(403);
    expect(await found('Medication?_contained=true', ofBob)).toEqual(['MedicationRequest/other']);
  });

  test('chains into what is contained need no more than the container', async () => {
    const ofBob = grant({ MedicationRequest: { op: 'compartment', name: 'Patient', id: 'bob' } });
    expect(await found('MedicationRequest?medication.ingredient-code=abc,xyz', ofBob)).toEqual([
      'MedicationRequest/other',
    ]);
  });
});

describe('contained resources follow their container', () => {
  const search = 'Medication?ingredient-code=new,newer&_contained=true&_containedType=contained';

  test('when it is changed, deleted and made anew', async () => {
    await prescription('fresh', [medication('m1', 'new'), medication('m9', 'newer')], {
      reasonReference: [{ reference: '#m9' }],
    });
    expect(await found(search)).toEqual(['MedicationRequest/fresh#m1', 'MedicationRequest/fresh#m9']);
    await prescription('fresh', [medication('m1', 'newer')]);
    expect(await found(search)).toEqual(['MedicationRequest/fresh#m1']);
    expect((await world.ask('DELETE MedicationRequest/fresh')).status).toBe(204);
    expect(await found(search)).toEqual([]);
    await prescription('fresh', [medication('m1', 'new')]);
    expect(await found(search)).toEqual(['MedicationRequest/fresh#m1']);
  });

  test('and a page sequence holds them as they were', async () => {
    await prescription('later', [medication('m1', 'new')]);
    const first = (await world.ask(`GET ${search}&_count=1`)).json;
    const next = first.link.find((one: { relation: string }) => one.relation === 'next')?.url;
    await prescription('later', []);
    const { json } = await world.ask(`GET ${below(next)}`);
    expect(urls(json)).toEqual(['MedicationRequest/later#m1']);
    expect(json.entry[0].resource).toEqual(medication('m1', 'new'));
    expect(await found(search)).toEqual(['MedicationRequest/fresh#m1']);
  });

  test('they are in no history, no read and no count', async () => {
    expect((await world.ask('GET Medication/m1')).status).toBe(404);
    const history = (await world.ask('GET Medication/_history')).json;
    expect(urls(history)).toEqual(['Medication/stored']);
    const counts = await world.context.backend.counts();
    expect([...counts.keys()].filter((type) => type.startsWith('#'))).toEqual([]);
    expect(counts.get('Medication')).toBe(1);
  });
});
