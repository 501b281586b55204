/**
 * Generated page sequences while others write: resources are created, changed, deleted and created again between any
 * two pages, and the pages hold what matched at the first one, forwards and back.
 *
 * Invariant: a seed makes the same world again; it stands in the test's name.
 */
import { expect, test } from 'vitest';
import { placeOf } from '../fhir/search/contained.js';
import type { Candidate } from '../fhir/search/match.js';
import type { Predicate, QueryPart, SearchQuery } from '../fhir/search/query.js';
import type { AccessFilter } from './access-filter.js';
import type { Backend, PageKey, SearchPage, SearchRequest, StoredResource, Write } from './backend.js';
import {
  contractWorld,
  EVERYTHING,
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
import { expectedMatches } from './generated-search.contract.js';

/** As many as references name. */
const IDS_PER_TYPE = 60;
const AT_FIRST = 400;
const AT_ONCE = 16;
/** More than all resources. */
const ALL = 1_000;
const MOST_PAGES = 8;

export function generatedPagesContract(
  makeBackend: MakeBackend,
  options: { readonly seed: number; readonly sequences: number },
): void {
  test(`pages through ${options.sequences} generated searches while others write (seed ${options.seed})`, async () => {
    const clock = new HandClock();
    const world = new World(await makeBackend(contractWorld(clock)), clock, new Dice(options.seed));
    try {
      await world.change(AT_FIRST);
      for (let at = 0; at < options.sequences; at++) await pageThrough(world);
    } finally {
      await world.backend.close();
    }
  });
}

/** What is stored, beside the store itself. */
class World {
  readonly #current = new Map<string, Candidate>();
  #rounds = 0;

  constructor(
    readonly backend: Backend,
    readonly clock: HandClock,
    readonly dice: Dice,
  ) {}

  get resources(): readonly Candidate[] {
    return [...this.#current.values()];
  }

  /** Some resources are created, changed or deleted, in one commit. */
  async change(most: number): Promise<void> {
    this.clock.time = START + this.#rounds++ * 1_000;
    const writes = new Map<string, Write>();
    for (let at = this.dice.below(most) + 1; at > 0; at--) {
      const type = this.dice.pick(TYPES);
      const id = `${type.charAt(0)}${this.dice.below(IDS_PER_TYPE)}`;
      const key = `${type}/${id}`;
      if (writes.has(key)) continue;
      if (this.#current.has(key) && this.dice.below(3) === 0) {
        writes.set(key, remove(type, id));
        this.#current.delete(key);
        continue;
      }
      const values = anyValues(this.dice, type, id);
      writes.set(key, put(type, id, values));
      this.#current.set(key, { identity: { type, id, lastUpdated: this.clock.time }, values });
    }
    await write(this.backend, ...writes.values());
  }
}

async function pageThrough(world: World): Promise<void> {
  const { dice } = world;
  await world.change(AT_ONCE);
  const query = anyQuery(dice);
  const access = dice.below(3) === 0 ? anyAccess(dice) : UNRESTRICTED;
  const all: SearchRequest = { ...searchOf('Patient'), query, access, count: ALL };
  const whole = (await world.backend.search(all)).matches;
  const least = Math.ceil(whole.length / MOST_PAGES);
  const request = { ...all, count: Math.max(least, 1 + dice.below(12)) };
  const described = JSON.stringify({ query, access, count: request.count });
  expect(names(whole), described).toEqual(expectedNames(world.resources, query.parts, access));
  const hidden = new Set<string>();
  const write = async () => {
    if (dice.below(4) > 0) await world.change(AT_ONCE);
    await noteHidden(world.backend, whole, access, hidden);
  };

  const forwards: StoredResource[] = [];
  let page = await world.backend.search(request);
  expect(page.previous, described).toBeUndefined();
  forwards.push(...page.matches);
  while (page.next !== undefined) {
    await write();
    page = await goTo(world.backend, request, page, { after: travelled(page.next) });
    forwards.push(...page.matches);
  }
  expectAll(forwards, whole, hidden, described);

  const backwards = [...page.matches];
  while (page.previous !== undefined) {
    await write();
    page = await goTo(world.backend, request, page, { before: travelled(page.previous) });
    backwards.unshift(...page.matches);
  }
  // A last page on which nothing may be seen any more leads nowhere.
  if (forwards.length > 0) expectAll(backwards, whole, hidden, `${described} backwards`);
}

function goTo(
  backend: Backend,
  request: SearchRequest,
  { asOf }: SearchPage,
  edge: Pick<SearchRequest, 'after' | 'before'>,
): Promise<SearchPage> {
  return Promise.resolve(backend.search({ ...request, ...edge, asOf }));
}

/** Page keys travel in links, as JSON. */
function travelled(key: PageKey): PageKey {
  return JSON.parse(JSON.stringify(key)) as PageKey;
}

function anyQuery(dice: Dice): SearchQuery {
  const types = dice.below(3) === 0 ? TYPES.filter(() => dice.below(4) > 0) : [dice.pick(TYPES)];
  const asked = types.map((type) => anyPart(dice, type, anyWhere(dice, type)));
  const parts = [...new Map(asked.map((part) => [part.type, part])).values()];
  return { parts, sort: anySort(dice, types[0] ?? 'Patient') };
}

/** Half of them look at other resources, which change as well. */
function anyWhere(dice: Dice, type: (typeof TYPES)[number]): Predicate {
  if (dice.below(5) === 0) return EVERYTHING;
  const isLinked = dice.below(2) === 0;
  let where = anyPredicate(dice, type, 3);
  while (isLinked && !looksAtOthers(where)) where = anyPredicate(dice, type, 3);
  return where;
}

function looksAtOthers(where: Predicate): boolean {
  if (where.op === 'and' || where.op === 'or') return where.of.some(looksAtOthers);
  if (where.op === 'not') return looksAtOthers(where.of);
  return where.op === 'chain' || where.op === 'has';
}

function expectedNames(
  world: readonly Candidate[],
  parts: readonly QueryPart[],
  access: AccessFilter,
): readonly string[] {
  return parts
    .flatMap(({ type, where }) => expectedMatches(world, type, where, access))
    .map(({ identity: { type, id } }) => `${type}/${id}`)
    .sort();
}

function names(resources: readonly StoredResource[]): readonly string[] {
  return resources.map(({ type, id }) => `${type}/${id}`).sort();
}

async function noteHidden(
  backend: Backend,
  resources: readonly StoredResource[],
  access: AccessFilter,
  hidden: Set<string>,
): Promise<void> {
  if (access.kind === 'unrestricted') return;
  for (const { type, id } of resources) {
    const key = placeOf({ type, id })?.container ?? { type, id };
    if ((await backend.read(key, access)).kind === 'absent') hidden.add(`${type}/${id}`);
  }
}

/** Each match of then once, in its order and in its version of then; what was hidden meanwhile may be missing. */
function expectAll(
  found: readonly StoredResource[],
  whole: readonly StoredResource[],
  hidden: ReadonlySet<string>,
  described: string,
): void {
  const seen = new Set(found.map(({ type, id }) => `${type}/${id}`));
  const expected = whole.filter(({ type, id }) => seen.has(`${type}/${id}`) || !hidden.has(`${type}/${id}`));
  expect(found.map(contentOf), described).toEqual(expected.map(contentOf));
}

function contentOf({ type, id, versionId, bytes }: StoredResource): string {
  return `${type}/${id}/${versionId} ${bytes.toString()}`;
}
