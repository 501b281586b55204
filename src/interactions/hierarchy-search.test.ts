import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../fhir/format/json.js';
import type { Predicate } from '../fhir/search/query.js';
import { type AccessDecision, permitting } from '../ports/access-filter.js';
import { openWorld, type World } from './testing.js';

const EVERYTHING: Predicate = { op: 'everything' };

let world: World;

/** campus ▶ house ▶ ward ▶ room; annex and wing are part of each other; every encounter is at one of them. */
const PLACES: Readonly<Record<string, string | undefined>> = {
  campus: undefined,
  house: 'campus',
  ward: 'house',
  room: 'ward',
  annex: 'wing',
  wing: 'annex',
};

beforeAll(async () => {
  world = await openWorld();
  for (const [id, whole] of Object.entries(PLACES)) {
    const partOf = whole === undefined ? {} : { partOf: { reference: `Location/${whole}` } };
    await put({ resourceType: 'Location', id, ...partOf });
    await put({
      resourceType: 'Encounter',
      id: `at-${id}`,
      status: 'finished',
      class: { code: 'AMB' },
      location: [{ location: { reference: `Location/${id}` } }],
      subject: { reference: 'Patient/ada' },
    });
  }
  await put({ resourceType: 'Patient', id: 'ada' });
});
afterAll(() => world.close());

async function put(resource: JsonObject): Promise<void> {
  const { status, text } = await world.ask(`PUT ${resource.resourceType}/${resource.id}`, { body: resource });
  expect(status, text).toBeLessThan(300);
}

async function found(search: string, asker: World = world): Promise<readonly string[]> {
  const { status, json, text } = await asker.ask(`GET ${search}`);
  expect(status, text).toBe(200);
  const entries: readonly { resource: { id: string } }[] = json.entry ?? [];
  return entries.map(({ resource }) => resource.id).sort();
}

/** Sees all encounters, and locations but for one. */
function blindTo(id: string): World {
  const others: Predicate = { op: 'not', of: { op: 'id', ids: [id] } };
  const access: AccessDecision = {
    principal: 'somebody',
    ...permitting({ kind: 'restricted', byType: { Encounter: EVERYTHING, Location: others } }),
  };
  return world.as(access);
}

describe('references into a hierarchy', () => {
  it.each([
    ['below=Location/house', ['at-house', 'at-room', 'at-ward']],
    ['below=room', ['at-room']],
    ['above=Location/ward', ['at-campus', 'at-house', 'at-ward']],
    ['above=campus', ['at-campus']],
    ['below=wing', ['at-annex', 'at-wing']],
    ['above=wing', ['at-annex', 'at-wing']],
    ['below=room,wing', ['at-annex', 'at-room', 'at-wing']],
    ['below=http://fairway.test/fhir/Location/ward', ['at-room', 'at-ward']],
    ['below=nowhere', []],
  ])('location:%s', async (criterion, ids) => {
    expect(await found(`Encounter?location:${criterion}`)).toEqual(ids);
  });

  it('are followed on the hierarchy itself', async () => {
    expect(await found('Location?partof:below=house')).toEqual(['room', 'ward']);
  });

  it('stand in chains and behind _has', async () => {
    expect(await found('Patient?_has:Encounter:patient:location:below=campus')).toEqual(['ada']);
    expect(await found('Encounter?location.partof:below=ward')).toEqual(['at-room']);
  });

  it('lead through what may be seen alone', async () => {
    expect(await found('Encounter?location:below=campus', blindTo('ward'))).toEqual([
      'at-campus',
      'at-house',
    ]);
    expect(await found('Encounter?location:above=room', blindTo('house'))).toEqual(['at-room', 'at-ward']);
    expect(await found('Encounter?location:below=house', blindTo('house'))).toEqual(['at-house']);
  });

  it('are deep only up to a limit', async () => {
    for (let level = 0; level < 60; level++) {
      await put({
        resourceType: 'Location',
        id: `l${level}`,
        partOf: { reference: `Location/l${level + 1}` },
      });
    }
    const { status, json } = await world.ask('GET Encounter?location:above=l0');
    expect([status, json.issue[0].code]).toEqual([400, 'too-costly']);
    expect(await found('Encounter?location:above=l30')).toEqual([]);
  });
});
