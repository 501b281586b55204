/**
 * What US Core clients ask finds something in a small population: each search of cases/us-core-searches.json, for at
 * least one patient.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readDefinitions } from '../definitions-file.js';
import type { ResourceObject } from '../fhir/format/json.js';
import { makeIndexer } from '../fhir/search/indexer.js';
import { type Candidate, matches } from '../fhir/search/match.js';
import { parseCondition } from '../fhir/search/parse-search.js';
import { patientId, population } from './population.js';
import { FAMILY_NAMES } from './tables/people.js';

const SEED = 1;
const PATIENTS = 40;
const NOW = Date.UTC(2026, 0, 1);

const SEARCHES = JSON.parse(readFileSync('src/demo/cases/us-core-searches.json', 'utf8')) as string[]; // our own file
const definitions = readDefinitions();
const index = makeIndexer(definitions);
const CANDIDATES = [...population({ seed: SEED, patients: PATIENTS })].map(candidate);

describe('in a population of forty', () => {
  it.each(SEARCHES)('%s finds something', (search) => {
    const [type = '', criteria = ''] = search.split('?');
    const candidates = CANDIDATES.filter(({ identity }) => identity.type === type);

    const found = variants(criteria).some((query) => {
      const where = parseCondition(definitions, type, query, { now: NOW });
      return candidates.some(({ values, identity }) => matches(values, identity, where));
    });

    expect(found).toBe(true);
  });
});

/** The criteria for each patient, or for each family name, in turn. */
function variants(criteria: string): string[] {
  if (criteria.includes('{family}')) return FAMILY_NAMES.map((name) => criteria.replace('{family}', name));
  if (!criteria.includes('{patient}')) return [criteria];
  return Array.from({ length: PATIENTS }, (_, place) =>
    criteria.replace('{patient}', patientId(SEED, place)),
  );
}

function candidate(resource: ResourceObject): Candidate {
  return {
    identity: { type: resource.resourceType, id: String(resource.id), lastUpdated: NOW },
    values: index(resource),
  };
}
