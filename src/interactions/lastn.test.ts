import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../fhir/format/json.js';
import { permitting } from '../ports/access-filter.js';
import { handle } from './router.js';
import { openWorld, requestOf, type World } from './testing.js';

let world: World;

const LOINC = 'http://loinc.org';
const coded = (...codes: readonly string[]) => ({ coding: codes.map((code) => ({ system: LOINC, code })) });

const put = (id: string, code: JsonValue, others: Readonly<Record<string, JsonValue>>) =>
  world.ask(`PUT Observation/${id}`, {
    body: {
      resourceType: 'Observation',
      id,
      status: 'final',
      category: [{ coding: [{ code: 'vital-signs' }] }],
      code,
      subject: { reference: 'Patient/ada' },
      ...others,
    },
  });
const on = (date: string) => ({ effectiveDateTime: date });

const ids = (json: { entry?: { resource: { id: string } }[] }) =>
  (json.entry ?? []).map(({ resource }) => resource.id);
const ask = async (query: string, from = world) => {
  const { status, json } = await from.ask(`GET Observation/$lastn?${query}`);
  expect([status, json.issue]).toEqual([200, undefined]);
  return ids(json);
};

beforeAll(async () => {
  world = await openWorld();
  for (let day = 1; day <= 5; day++) {
    await put(`pulse-${day}`, coded('8867-4'), on(`2024-01-0${day}`));
  }
  await put('weight-old', coded('29463-7'), on('2023-01-01'));
  await put('weight-linked', coded('29463-7', '3141-9'), on('2023-03-01'));
  await put('weight-other', coded('3141-9'), on('2023-02-01'));
  await put('text', { text: 'mood' }, on('2022-01-01'));
  await put('other-text', { text: 'Mood' }, { effectivePeriod: { start: '2022-01-02' } });
  await put('twin-1', coded('8310-5'), on('2024-01-02T10:00:00Z'));
  world.wait(1000);
  await put('twin-2', coded('8310-5'), { effectiveInstant: '2024-01-02T11:00:00+01:00' });
  await put('twin-older', coded('8310-5'), on('2024-01-01'));
  await put('undated-1', coded('no-date'), {});
  world.wait(1000);
  await put('undated-2', coded('no-date'), {});
  await put('of-bob', coded('8867-4'), { ...on('2024-02-01'), subject: { reference: 'Patient/bob' } });
});
afterAll(() => world.close());

describe('$lastn', () => {
  it('has the latest of each code, the latest code first', async () => {
    expect(await ask('patient=ada&category=vital-signs')).toEqual([
      'pulse-5',
      'twin-2',
      'twin-1',
      'weight-linked',
      'other-text',
      'text',
      'undated-2',
    ]);
  });

  it('has as many of each as max says, and those that are as late as the last of them', async () => {
    expect(await ask('subject=Patient/ada&code=8867-4,8310-5&max=2')).toEqual([
      'pulse-5',
      'pulse-4',
      'twin-2',
      'twin-1',
    ]);
    expect(await ask('patient=ada&code=8310-5&max=3')).toEqual(['twin-2', 'twin-1', 'twin-older']);
  });

  it('takes codes for one that an observation has both of', async () => {
    expect(await ask('patient=ada&code=29463-7,3141-9&max=2')).toEqual(['weight-linked', 'weight-other']);
  });

  it('is narrowed by other search parameters', async () => {
    expect(await ask('patient=ada&code=8867-4&date=lt2024-01-03')).toEqual(['pulse-2']);
    expect(await ask('patient=nobody&category=vital-signs')).toEqual([]);
  });

  it('is the same by POST, and a searchset with its total', async () => {
    const parameter = [
      { name: 'patient', valueReference: { reference: 'Patient/ada' } },
      { name: 'code', valueString: '8867-4' },
      { name: 'max', valuePositiveInt: 2 },
    ];

    const { status, json } = await world.ask('POST Observation/$lastn', {
      body: { resourceType: 'Parameters', parameter },
    });

    expect([status, json.type, json.total]).toEqual([200, 'searchset', 2]);
    expect(ids(json)).toEqual(['pulse-5', 'pulse-4']);
    expect(json.link[0].url).toContain('/Observation/$lastn?patient=Patient/ada&code=8867-4&max=2');
    expect(world.context.knowledge.validate(json)).toEqual([]);
  });

  it('goes through more observations than one page of a search has, while there is time', async () => {
    const many = await openWorld();
    const entry = Array.from({ length: 620 }, (_, index) => ({
      resource: {
        resourceType: 'Observation',
        status: 'final',
        code: coded(index < 600 ? 'often' : 'seldom'),
        subject: { reference: 'Patient/ada' },
        effectiveDateTime: new Date(Date.UTC(2024, 0, 700 - index)).toISOString(),
      },
      request: { method: 'POST', url: 'Observation' },
    }));
    await many.ask('POST ', { body: { resourceType: 'Bundle', type: 'transaction', entry } });

    const { json } = await many.ask('GET Observation/$lastn?patient=ada&code=often,seldom');

    const codes = json.entry.map((one: typeof json) => one.resource.code.coding[0].code);
    expect(codes).toEqual(['often', 'seldom']);
    let now = many.context.clock.now();
    const clock = { now: () => (now += 6_000) };
    const late = handle(requestOf('GET Observation/$lastn?patient=ada&code=often'), {
      ...many.context,
      clock,
    });
    await expect(late).rejects.toMatchObject({ kind: 'too-costly', status: 503 });
    await many.close();
  });

  it('sees what the access filter lets see', async () => {
    const filter = {
      kind: 'restricted',
      byType: { Observation: { op: 'id', ids: ['pulse-2', 'of-bob'] } },
    } as const;
    const narrow = world.as({ principal: 'narrow', ...permitting(filter) });

    expect(await ask('patient=ada&category=vital-signs&max=5', narrow)).toEqual(['pulse-2']);
  });

  it.each([
    ['category=vital-signs', /one subject/],
    ['patient=ada', /category or code/],
    ['patient=ada&code=1&max=0', /max must be/],
    ['patient=ada&code=1&max=1&max=2', /max is given more than once/],
    ['patient=ada&code=1&colour=red', /colour is not known/],
    ['patient=ada&code=1&_sort=date', /_sort/],
    ['patient=ada&code=1&date=never', /date is no date/],
  ])('refuses %s', async (query, text) => {
    const { status, json } = await world.ask(`GET Observation/$lastn?${query}`);

    expect([status, json.issue.length]).toEqual([400, 1]);
    expect(json.issue[0].details.text).toMatch(text);
  });

  it('tells of all problems at once', async () => {
    const { status, json } = await world.ask('GET Observation/$lastn?colour=red&max=many');

    expect([status, json.issue.length]).toEqual([400, 4]);
  });

  it('refuses a structure where a criterion is to stand', async () => {
    const parameter = [
      { name: 'patient', valueString: 'ada' },
      { name: 'code', valueCoding: { code: '8867-4' } },
    ];

    const { status, json } = await world.ask('POST Observation/$lastn', {
      body: { resourceType: 'Parameters', parameter },
    });

    expect([status, json.issue[0].expression]).toEqual([400, ['Parameters.parameter[1]']]);
  });

  it('is on Observation, and not on one of them', async () => {
    expect((await world.ask('GET Observation/pulse-1/$lastn')).status).toBe(404);
    expect((await world.ask('GET Patient/$lastn?patient=ada&code=1')).status).toBe(404);
  });
});
