/** Extraction, parsing and matching together: whatever a resource is indexed by finds it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import { Refusal } from '../outcome.js';
import { formatInstant } from '../primitives/date.js';
import { generatedResource } from './generated-resource.js';
import { type IndexValue, OPEN_END } from './index-value.js';
import { makeIndexer } from './indexer.js';
import { matches } from './match.js';
import { parseSearch } from './parse-search.js';
import type { Predicate } from './query.js';

const SEED = 20_240_102;
const BASE = 'http://localhost:8080/fhir';
const definitions = readDefinitions();
const index = makeIndexer(definitions, { baseUrl: BASE });
const OPTIONS = { lenient: false, now: 0, baseUrl: BASE, defaultCount: 10, maxCount: 10 };

function escaped(text: string): string {
  return text.replace(/[,|$\\]/g, '\\$&');
}

/** Searches (modifier, value) that the value must pass; none where no search could name it. */
function searchesFor(value: IndexValue): readonly (readonly [modifier: string, value: string])[] {
  switch (value.kind) {
    case 'token':
      if (value.param.endsWith(':of-type')) {
        const [system = '', code = ''] = value.system.split(' ');
        return [['', [system, code, value.code].map(escaped).join('|')]];
      }
      if (value.code === '') return [['', `${escaped(value.system)}|`]];
      return [
        ['', `${escaped(value.system)}|${escaped(value.code)}`],
        ['', escaped(value.code)],
      ];
    case 'text':
      return [['', escaped(value.folded)]];
    case 'words':
    case 'contained':
      return [];
    case 'position':
      return [['', `${value.latitude}|${value.longitude}|1|m`]];
    case 'string':
      return [
        [':exact', escaped(value.exact)],
        ['', escaped(value.exact)],
        [':contains', escaped(value.exact.slice(1) || 'x')],
      ]
        .filter(([modifier]) => modifier !== ':contains' || value.folded.length > 1)
        .map(([modifier = '', text = '']) => [modifier, text] as const);
    case 'date': {
      const [lo, hi] = [value.lo, value.hi];
      return [
        ...(lo === -OPEN_END ? [] : [['', `ge${formatInstant(lo)}`] as const]),
        ...(hi === OPEN_END ? [] : [['', `le${formatInstant(hi)}`] as const]),
      ];
    }
    case 'number':
      return value.lo === value.hi
        ? [
            ['', String(value.lo)],
            ['', `ge${value.lo}`],
            ['', `ap${value.lo}`],
          ]
        : [];
    case 'quantity': {
      if (value.lo !== value.hi) return [];
      const coded =
        value.code === ''
          ? []
          : [['', `${value.lo}|${escaped(value.system)}|${escaped(value.code)}`] as const];
      const united = value.unit === '' ? [] : [['', `le${value.lo}||${escaped(value.unit)}`] as const];
      return [['', String(value.lo)], ...coded, ...united];
    }
    case 'reference': {
      const { target } = value;
      if (target.kind === 'local')
        return [
          ['', `${target.type}/${target.id}`],
          [`:${target.type}`, target.id],
        ];
      return [
        ['', escaped(target.url)],
        ...(target.version === undefined ? [] : [['', `${target.url}|${target.version}`] as const]),
      ];
    }
    case 'uri':
      return [
        ['', escaped(value.value)],
        [':below', escaped(value.value)],
        [':above', `${escaped(value.value)}/x`],
      ];
    case 'composite': {
      const parts = value.components.map((values) => values[0] && plainSearch(values[0]));
      return parts.every((part) => part !== undefined) ? [['', parts.join('$')]] : [];
    }
  }
}

function plainSearch(value: IndexValue): string | undefined {
  return searchesFor(value).find(([modifier]) => modifier === '')?.[1];
}

function filterOf(type: string, name: string, value: string): Predicate | undefined {
  try {
    return parseSearch(definitions, { type }, [[name, value]], OPTIONS).query.parts[0]?.where;
  } catch (error) {
    // The generated references lead to any type, also where the parameter allows only others.
    if (error instanceof Refusal && /cannot refer to/.test(error.message)) return undefined;
    throw error;
  }
}

test(`a search for any of its values finds the resource (seed ${SEED})`, () => {
  const types = [...definitions.resourceTypes.keys()];
  let searches = 0;
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.nat(1_000_000), (type, seed) => {
      const resource = generatedResource(definitions, type, seed);
      const identity = { type, id: String(resource.id), lastUpdated: 0 };
      const values = index(resource);
      for (const value of values) {
        if (value.param.startsWith('@')) continue;
        for (const [modifier, text] of searchesFor(value)) {
          const where = filterOf(type, value.param + modifier, text);
          if (where === undefined) continue;
          searches += 1;
          expect(matches(values, identity, where), `${type}?${value.param}${modifier}=${text}`).toBe(true);
        }
      }
    }),
    { seed: SEED, numRuns: 400 },
  );
  expect(searches).toBeGreaterThan(5000);
});
