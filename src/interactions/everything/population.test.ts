/**
 * $everything over a generated population, against a collection by hand: what the generator made for a patient, and the
 * targets of every reference in that.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundles } from '../../demo/bundles.js';
import { groupResources, patientId, patientResources, population } from '../../demo/population.js';
import { below, openWorld, type World } from '../testing.js';

const POPULATION = { seed: 7, patients: 4, years: { lo: 1, hi: 1 } };

interface Resource {
  readonly resourceType: string;
  readonly id: string;
}

let world: World;

beforeAll(async () => {
  world = await openWorld();
  for (const { bundle } of bundles(POPULATION)) {
    expect((await world.ask('POST ', { body: bundle })).status).toBe(200);
  }
}, 120_000);
afterAll(() => world.close());

const name = ({ resourceType, id }: Resource) => `${resourceType}/${id}`;

/** The texts under `reference` and `url`, wherever they stand. */
function targets(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'string' && (key === 'reference' || key === 'url') ? [inner] : targets(inner),
  );
}

const everyone = [...population(POPULATION)].map((resource) => name(resource as unknown as Resource));
const inCompartment = (named: string) =>
  world.context.knowledge.definitions.compartments.get('Patient')?.get(named.split('/')[0] ?? '')?.length;

function collected(patients: readonly number[]) {
  const made = patients.flatMap((index) => patientResources(POPULATION, index));
  const groups = [...groupResources(POPULATION)];
  const records = [...made, ...groups].filter(({ resourceType }) => inCompartment(`${resourceType}/`));
  const linked = new Set(
    records.flatMap(targets).filter((one) => everyone.includes(one) && !inCompartment(one)),
  );
  const matches = records.map((resource) => name(resource as unknown as Resource));
  return { matches: matches.sort(), includes: [...linked].sort() };
}

async function answered(line: string) {
  const matches: string[] = [];
  const includes = new Set<string>();
  for (let next: string | undefined = line; next !== undefined; ) {
    const { json } = await world.ask(`GET ${next}`);
    for (const { resource, search } of json.entry ?? []) {
      if (search.mode === 'match') matches.push(name(resource));
      else includes.add(name(resource));
    }
    const link = json.link.find((one: { relation: string }) => one.relation === 'next');
    next = link === undefined ? undefined : below(link.url);
  }
  return { matches: matches.sort(), includes: [...includes].sort() };
}

it.each([0, 1, 2, 3])('has all that was made for patient %d and nothing else', async (index) => {
  const path = `Patient/${patientId(POPULATION.seed, index)}/$everything`;

  const whole = await answered(path);

  expect(whole.includes.length).toBeGreaterThan(3);
  expect(whole).toEqual(collected([index]));
  expect(await answered(`${path}?_count=7`)).toEqual(whole);
});

it('has all that was made for all patients, by patients and by their group', async () => {
  const [group] = [...groupResources(POPULATION)];
  const all = collected([0, 1, 2, 3]);

  expect(await answered('Patient/$everything?_count=50')).toEqual(all);
  expect(await answered(`Group/${String(group?.id)}/$everything?_count=50`)).toEqual(all);
});
