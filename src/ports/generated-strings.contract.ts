/**
 * Random resources of R4 types and random searches as a client writes them: parameter, modifier, prefix, value, chain, `_has`,
 * `_sort`. What a backend answers is what the in-memory match says of the same tree.
 *
 * Invariant: a seed makes the same world and the same searches again; what is refused is counted, and must be little.
 */
import { expect, test } from 'vitest';
import type { Definitions, SearchParameter } from '../fhir/definitions/definitions.js';
import type { ResourceObject } from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import { formatInstant } from '../fhir/primitives/date.js';
import { isContainedType } from '../fhir/search/contained.js';
import { generatedResource } from '../fhir/search/generated-resource.js';
import { type IndexValue, OPEN_END } from '../fhir/search/index-value.js';
import { type Candidate, type MatchResolver, matches } from '../fhir/search/match.js';
import { type ParsedSearch, parseSearch } from '../fhir/search/parse-search.js';
import { compareSortable, sortKeyOf } from '../fhir/search/sort-key.js';
import { withWords } from '../fhir/search/words.js';
import type { Backend } from './backend.js';
import { HandClock, type MakeBackend, put, START, UNRESTRICTED, write } from './contract-world.js';
import { Dice } from './dice.js';

/** Types that refer to each other by the references that are generated, and some with parameters of every kind. */
const TYPES = [
  'Patient',
  'Observation',
  'Practitioner',
  'Encounter',
  'Location',
  'RiskAssessment',
  'ValueSet',
] as const;
const EACH = 14;
const BASE = 'http://fairway.test/fhir';

interface Knowledge {
  readonly definitions: Definitions;
  readonly index: (resource: ResourceObject) => readonly IndexValue[];
}

export function generatedStringsContract(
  makeBackend: MakeBackend,
  { definitions, index }: Knowledge,
  options: { readonly seed: number; readonly queries: number },
): void {
  test(
    `answers ${options.queries} generated search strings as the in-memory match does (seed ${options.seed})`,
    async () => {
      const dice = new Dice(options.seed);
      const backend = await makeBackend({ definitions, makeIndexer: () => index, clock: new HandClock() });
      try {
        const world = await populate(backend, { definitions, index }, options.seed);
        let refused = 0;
        for (let at = 0; at < options.queries; at++) {
          const type = dice.pick(TYPES);
          const pairs = anySearch(dice, type, world, definitions);
          const parsed = parsedOrRefused(definitions, type, pairs);
          if (parsed === undefined) refused++;
          else
            await compare(backend, world, parsed, `${type}?${pairs.map((pair) => pair.join('=')).join('&')}`);
        }
        expect(refused / options.queries, 'share of searches that are refused').toBeLessThan(0.1);
      } finally {
        await backend.close();
      }
    },
    PATIENCE_MILLISECONDS,
  );
}

/** Thousands of searches, on a machine that may be busy. */
const PATIENCE_MILLISECONDS = 600_000;

async function populate(
  backend: Backend,
  { definitions, index }: Knowledge,
  seed: number,
): Promise<readonly Candidate[]> {
  const world: Candidate[] = [];
  for (const [at, type] of TYPES.entries()) {
    for (let number = 0; number < EACH; number++) {
      const made = generatedResource(definitions, type, seed + at * 1_000 + number);
      // The ids that generated references name, and others.
      const id = `${type === 'Practitioner' ? 'd' : 'p'}${number}`;
      const resource: ResourceObject = { ...made, id };
      const values = index(resource);
      const { resourceType: _type, id: _id, meta: _meta, ...others } = resource;
      const rest = serialise(others).slice(1);
      const prepared = { metaRest: '', rest: rest === '}' ? rest : `,${rest}`, values, indexedAt: 0 };
      await write(backend, put(type, id, [], { resource: prepared }));
      world.push({
        identity: { type, id, lastUpdated: START },
        values: withWords(() => values)(resource),
      });
    }
  }
  return world;
}

function parsedOrRefused(
  definitions: Definitions,
  type: string,
  pairs: readonly (readonly [string, string])[],
): ParsedSearch | undefined {
  const options = { lenient: false, now: START, baseUrl: BASE, defaultCount: 10, maxCount: 100 };
  try {
    return parseSearch(definitions, { type }, pairs, options);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

async function compare(
  backend: Backend,
  world: readonly Candidate[],
  { query, count }: ParsedSearch,
  described: string,
): Promise<void> {
  const resolver: MatchResolver = {
    resource: (type, id) => world.find(({ identity }) => identity.type === type && identity.id === id),
    referrers: (type) => world.filter(({ identity }) => identity.type === type),
  };
  const [part] = query.parts;
  if (part === undefined) throw new Error(`${described} searches nothing`);
  const expected = world.filter(
    ({ identity, values }) => identity.type === part.type && matches(values, identity, part.where, resolver),
  );
  const request = {
    query,
    access: UNRESTRICTED,
    count,
    total: 'accurate',
    includes: [],
    deadline: 20_000,
  } as const;
  let page = await backend.search(request);
  expect(page.total, described).toBe(expected.length);
  const found = page.matches.map(({ id }) => id);
  while (page.next !== undefined) {
    page = await backend.search({ ...request, after: page.next, asOf: page.asOf });
    found.push(...page.matches.map(({ id }) => id));
  }
  expect([...found].sort(), described).toEqual(expected.map(({ identity }) => identity.id).sort());
  const byId = new Map(expected.map((candidate) => [candidate.identity.id, candidate]));
  for (let at = 1; at < found.length; at++) {
    const [before, after] = [byId.get(found[at - 1] ?? ''), byId.get(found[at] ?? '')];
    if (before === undefined || after === undefined) continue;
    let order = 0;
    for (const key of query.sort) {
      const [left, right] = [before, after].map(({ values, identity }) => sortKeyOf(values, identity, key));
      order ||= compareSortable(left, right, key.descending);
    }
    expect(order, `${described} at ${at}`).toBeLessThanOrEqual(0);
  }
}

function anySearch(
  dice: Dice,
  type: string,
  world: readonly Candidate[],
  definitions: Definitions,
): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let many = 1 + dice.below(2); many > 0; many--) {
    const pair = anyPair(dice, type, 2, world, definitions);
    if (pair !== undefined) pairs.push(pair);
  }
  const sortable = [...(definitions.searchParameters.get(type)?.values() ?? [])].filter(
    ({ type: kind, expression }) => expression !== undefined && kind !== 'composite' && kind !== 'special',
  );
  if (dice.below(3) === 0) {
    const keys = [0, 1].slice(dice.below(2)).map(() => `${dice.pick(['', '-'])}${dice.pick(sortable).code}`);
    pairs.push(['_sort', keys.join(',')]);
  }
  return pairs;
}

/** Undefined: nothing in the world leads on from here. */
function anyPair(
  dice: Dice,
  type: string,
  depth: number,
  world: readonly Candidate[],
  definitions: Definitions,
): readonly [string, string] | undefined {
  const kind = depth > 0 ? dice.below(6) : 5;
  if (kind === 0) {
    const reference = dice.pick(referencesOf(type, definitions));
    const target = dice.pick(TYPES.filter((one) => refersTo(reference, one)));
    const inner = target === undefined ? undefined : anyPair(dice, target, depth - 1, world, definitions);
    return inner && [`${reference?.code}:${target}.${inner[0]}`, inner[1]];
  }
  if (kind === 1) {
    const source = dice.pick(TYPES);
    const reference = dice.pick(referencesOf(source, definitions).filter((one) => refersTo(one, type)));
    const inner = reference && anyPair(dice, source, depth - 1, world, definitions);
    return inner && [`_has:${source}:${reference.code}:${inner[0]}`, inner[1]];
  }
  const { values } = dice.pick(world.filter(({ identity }) => identity.type === type));
  if (values.length === 0) return undefined;
  const value = dice.pick(values);
  if (value.param.startsWith('@')) return undefined;
  if (dice.below(12) === 0 && !value.param.includes(':') && value.kind !== 'words') {
    return [`${value.param}:missing`, dice.pick(['true', 'false'])];
  }
  const text = searchFor(dice, value);
  if (text === undefined) return undefined;
  const [modifier, written] = text;
  const other =
    dice.below(4) === 0
      ? searchFor(dice, dice.pick(values.filter((one) => one.param === value.param)))
      : undefined;
  const joined = other !== undefined && other[0] === modifier ? `${written},${other[1]}` : written;
  return [`${value.param}${modifier}`, joined];
}

function referencesOf(type: string, definitions: Definitions): readonly SearchParameter[] {
  const parameters = [...(definitions.searchParameters.get(type)?.values() ?? [])];
  return parameters.filter(({ type: kind, expression }) => kind === 'reference' && expression !== undefined);
}

function refersTo(reference: SearchParameter | undefined, type: string): boolean {
  return reference !== undefined && (reference.targets.length === 0 || reference.targets.includes(type));
}

const PREFIXES = ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;

function escaped(text: string): string {
  return text.replace(/[,|$\\]/g, '\\$&');
}

/** A modifier and a value that have to do with a value of the world; undefined where no search can name it. */
function searchFor(dice: Dice, value: IndexValue): readonly [modifier: string, text: string] | undefined {
  switch (value.kind) {
    case 'token': {
      if (value.param.endsWith(':of-type')) {
        const [system = '', code = ''] = value.system.split(' ');
        return ['', [system, code, value.code].map(escaped).join('|')];
      }
      const not = value.param.includes(':') ? '' : dice.pick(['', '', ':not']);
      if (value.code === '') return [not, `${escaped(value.system)}|`];
      const full = `${escaped(value.system)}|${escaped(value.code)}`;
      return [not, dice.pick([full, escaped(value.code), full.toUpperCase()])];
    }
    case 'text':
      return ['', escaped(value.folded.slice(0, 1 + dice.below(value.folded.length)))];
    case 'position':
      return [
        '',
        `${value.latitude}|${value.longitude}|${dice.pick([0, 1, 500])}|${dice.pick(['km', 'm', ''])}`,
      ];
    case 'words': {
      const words = value.words.split(' ').filter((word) => word !== '');
      if (words.length === 0) return undefined;
      const at = dice.below(words.length);
      return [
        '',
        dice.pick([words[at] ?? '', `"${words.slice(at, at + 2).join(' ')}"`, `${words[at]?.slice(0, 2)}*`]),
      ];
    }
    case 'string': {
      const modifier = dice.pick(['', ':exact', ':contains']);
      const text = modifier === ':contains' ? value.exact.slice(dice.below(2)) : value.exact;
      return text.trim() === '' ? undefined : [modifier, escaped(text)];
    }
    case 'date': {
      const at = dice.pick([value.lo, value.hi].filter((end) => Math.abs(end) !== OPEN_END));
      if (at === undefined) return undefined;
      const instant = formatInstant(at);
      return [
        '',
        `${dice.pick(PREFIXES)}${dice.pick([instant, instant.slice(0, 10), instant.slice(0, 7), instant.slice(0, 4)])}`,
      ];
    }
    case 'number':
      return Number.isFinite(value.lo) ? ['', `${dice.pick(PREFIXES)}${value.lo}`] : undefined;
    case 'quantity': {
      if (!Number.isFinite(value.lo)) return undefined;
      const unit = dice.pick([
        '',
        `|${escaped(value.system)}|${escaped(value.code)}`,
        `||${escaped(value.unit)}`,
      ]);
      return ['', `${dice.pick(PREFIXES)}${value.lo}${unit.endsWith('|') ? '' : unit}`];
    }
    case 'reference': {
      const { target } = value;
      if (target.kind === 'url') return ['', escaped(target.url)];
      if (isContainedType(target.type)) return undefined;
      return dice.pick([
        ['', `${target.type}/${target.id}`],
        [`:${target.type}`, target.id],
        ['', target.id],
      ] as const);
    }
    case 'uri':
      return [dice.pick(['', ':below', ':above']), escaped(value.value)];
    case 'contained':
      return undefined;
    case 'composite': {
      const parts = value.components.map((component) => searchFor(dice, dice.pick(component)));
      if (parts.some((part) => part === undefined || part[0] !== '')) return undefined;
      return ['', parts.map((part) => part?.[1] ?? '').join('$')];
    }
  }
}
