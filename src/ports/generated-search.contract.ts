/**
 * Generated resources, queries, orders and access filters: what a backend answers is what the in-memory match says.
 *
 * Invariant: a seed makes the same world again; it stands in the test's name.
 */
import { expect, test } from 'vitest';
import { containedIn } from '../fhir/search/contained.js';
import type { IndexValue } from '../fhir/search/index-value.js';
import { type Candidate, type Identity, type MatchResolver, matches } from '../fhir/search/match.js';
import type { Predicate, SortKey } from '../fhir/search/query.js';
import { compareSortable, sortKeyOf } from '../fhir/search/sort-key.js';
import { type AccessFilter, visible } from './access-filter.js';
import type { Backend } from './backend.js';
import {
  contractWorld,
  HandClock,
  type MakeBackend,
  put,
  remove,
  START,
  searchOf,
  UNRESTRICTED,
  write,
} from './contract-world.js';
import { Dice } from './dice.js';
import { anyAccess, anyPart, anyPredicate, anySort, anyValues, TYPES } from './generated-query.js';

const RESOURCES = 160;

export function generatedSearchContract(
  makeBackend: MakeBackend,
  options: { readonly seed: number; readonly queries: number },
): void {
  test(
    `answers ${options.queries} generated searches as the in-memory match does (seed ${options.seed})`,
    async () => {
      const dice = new Dice(options.seed);
      const clock = new HandClock();
      const backend = await makeBackend(contractWorld(clock));
      try {
        const world = await populate(backend, dice, clock);
        for (let at = 0; at < options.queries; at++) await compareOne(backend, world, dice);
      } finally {
        await backend.close();
      }
    },
    PATIENCE_MILLISECONDS,
  );
}

/** Thousands of searches, on a machine that may be busy. */
const PATIENCE_MILLISECONDS = 1_200_000;

/** Creates, changes and deletes resources; answers those that are there at the end. */
async function populate(backend: Backend, dice: Dice, clock: HandClock): Promise<readonly Candidate[]> {
  const world = new Map<string, Candidate>();
  for (let round = 0; round < RESOURCES * 1.5; round++) {
    clock.time = START + round * 1_000;
    const type = dice.pick(TYPES);
    const id = `${type.charAt(0)}${dice.below(RESOURCES / TYPES.length)}`;
    if (world.has(`${type}/${id}`) && dice.below(4) === 0) {
      await write(backend, remove(type, id));
      world.delete(`${type}/${id}`);
      continue;
    }
    const values = anyValues(dice, type, id);
    await write(backend, put(type, id, values));
    world.set(`${type}/${id}`, { identity: { type, id, lastUpdated: clock.time }, values });
  }
  return [...world.values()];
}

async function compareOne(backend: Backend, world: readonly Candidate[], dice: Dice): Promise<void> {
  const asked = dice.pick(TYPES);
  const { type, where } = anyPart(dice, asked, anyPredicate(dice, asked, 3));
  const sort = anySort(dice, asked);
  const access = dice.below(3) === 0 ? anyAccess(dice) : UNRESTRICTED;
  const expected = expectedMatches(world, type, where, access);
  const request = searchOf(type, where, { sort, access, count: 1 + dice.below(9), total: 'accurate' });
  const described = JSON.stringify({ type, where, sort, access });

  const found: string[] = [];
  let page = await backend.search(request);
  const { total = expected.length } = page;
  found.push(...page.matches.map(({ id }) => id));
  while (page.next !== undefined) {
    page = await backend.search({ ...request, after: page.next, asOf: page.asOf });
    found.push(...page.matches.map(({ id }) => id));
  }
  const [ids, wanted] = [[...found].sort(), expected.map(({ identity }) => identity.id).sort()];
  // Asserted where it fails: thousands of assertions cost more than the searches.
  if (total !== expected.length || ids.join() !== wanted.join())
    expect({ total, ids }, described).toEqual({ total: expected.length, ids: wanted });
  expectSorted(found, expected, sort, described);
  if (access.kind === 'restricted') await compareRead(backend, world, access, dice);
}

/** A read lets the same be seen as a search does. */
async function compareRead(
  backend: Backend,
  world: readonly Candidate[],
  access: AccessFilter,
  dice: Dice,
): Promise<void> {
  const { identity } = dice.pick(world);
  const { kind } = await backend.read(identity, access);
  const [seen] = expectedMatches(world, identity.type, { op: 'id', ids: [identity.id] }, access);
  if ((kind === 'found') !== (seen !== undefined))
    expect.fail(`${identity.type}/${identity.id} is ${kind}: ${JSON.stringify(access)}`);
}

/** The filter itself is evaluated on all that is there, the query on what the filter lets see. */
export function expectedMatches(
  stored: readonly Candidate[],
  type: string,
  where: Predicate,
  access: AccessFilter,
): readonly Candidate[] {
  const world = stored.flatMap((one) => [one, ...containedIn(one.values, one.identity)]);
  const all = resolverOf(world);
  const seen = world.filter(({ identity, values }) =>
    matches(values, identity, visible(access, identity.type), all),
  );
  const resolver = resolverOf(seen);
  return seen.filter(
    ({ identity, values }) => identity.type === type && matches(values, identity, where, resolver),
  );
}

function resolverOf(world: readonly Candidate[]): MatchResolver {
  return {
    resource: (type, id) => world.find(({ identity }) => identity.type === type && identity.id === id),
    referrers: (type) => world.filter(({ identity }) => identity.type === type),
  };
}

/** Neighbours are in order by each key in turn; equal ones may stand either way. */
function expectSorted(
  found: readonly string[],
  expected: readonly Candidate[],
  sort: readonly SortKey[],
  described: string,
): void {
  const byId = new Map(expected.map((candidate) => [candidate.identity.id, candidate]));
  for (let at = 1; at < found.length; at++) {
    const [before, after] = [byId.get(found[at - 1] ?? ''), byId.get(found[at] ?? '')];
    if (before === undefined || after === undefined) continue;
    if (compare(before, after, sort) > 0) expect.fail(`out of order at ${at}: ${described}`);
  }
}

function compare(left: Candidate, right: Candidate, sort: readonly SortKey[]): number {
  for (const key of sort) {
    const order = compareSortable(sortOf(left, key), sortOf(right, key), key.descending);
    if (order !== 0) return order;
  }
  return 0;
}

function sortOf(
  { values, identity }: { readonly values: readonly IndexValue[]; readonly identity: Identity },
  key: SortKey,
) {
  return sortKeyOf(values, identity, key);
}
