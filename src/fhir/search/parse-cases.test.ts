import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import { Refusal } from '../outcome.js';
import { parseSearch } from './parse-search.js';
import type { Predicate } from './query.js';

const definitions = readDefinitions();
const CASES = 'src/fhir/search/cases';

/** One filter, and the tree it becomes or the issues (`code: text`) that refuse it. */
interface Case {
  readonly type: string;
  readonly name: string;
  readonly value: string;
  readonly where?: Predicate;
  readonly refused?: readonly string[];
}

const OPTIONS = {
  lenient: false,
  now: Date.UTC(2024, 0, 1),
  baseUrl: 'http://localhost:8080/fhir',
  defaultCount: 50,
  maxCount: 1000,
};

function outcomeOf({ type, name, value }: Case): Pick<Case, 'where' | 'refused'> {
  try {
    const { query } = parseSearch(definitions, { type }, [[name, value]], OPTIONS);
    const where = query.parts[0]?.where;
    return where === undefined ? {} : { where };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.status).toBe(400);
    return { refused: error.issues.map(({ code, text }) => `${code}: ${text}`) };
  }
}

for (const file of readdirSync(CASES).filter((name) => name.startsWith('search-'))) {
  const cases = JSON.parse(readFileSync(`${CASES}/${file}`, 'utf8')) as readonly Case[]; // our own files
  describe(file, () => {
    test.each(cases)('$type?$name=$value', (one) => {
      const { where, refused } = one;
      expect(outcomeOf(one)).toEqual({
        ...(where === undefined ? {} : { where }),
        ...(refused === undefined ? {} : { refused }),
      });
    });
  });
}
