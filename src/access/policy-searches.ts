/**
 * The searches of policies, tried before anybody asks: one that cannot be read grants nothing, and its author is told.
 *
 * Invariant: what is told here is what grant-access.ts would make nothing of.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import { readCriteria } from './criteria.js';
import { covers, type Policies, type Rule, rulesOf } from './policies.js';
import { isRecordType } from './record-types.js';

/** What placeholders are filled with, to try a search. */
const FILLINGS: Readonly<Record<string, string>> = {
  '{patient}': 'x',
  '{fhirUser}': 'Practitioner/x',
  '{roles}': 'PractitionerRole/x',
  '{careTeams}': 'x',
};

export interface SearchProblem {
  /** `access.roles.nurse.rules[0].where`. */
  readonly place: string;
  readonly problem: string;
}

/** Searches that no type covered by their rule can be searched by. */
export function searchProblems(policies: Policies, definitions: Definitions): readonly SearchProblem[] {
  return rulesOf(policies).flatMap(({ place, rule }) => [
    ...problemOf(`${place}.where`, rule.where, typesOf(rule, definitions), definitions),
    ...problemOf(`${place}.patients`, rule.patients, ['Patient'], definitions),
  ]);
}

function typesOf(rule: Rule, definitions: Definitions): readonly string[] {
  return [...definitions.resourceTypes.keys()].filter((type) =>
    covers(rule, type, isRecordType(type, definitions)),
  );
}

function problemOf(
  place: string,
  search: string | undefined,
  types: readonly string[],
  definitions: Definitions,
): readonly SearchProblem[] {
  if (search === undefined) return [];
  const tried = Object.entries(FILLINGS).reduce(
    (text, [name, filling]) => text.replaceAll(name, filling),
    search,
  );
  const problems: string[] = [];
  for (const type of types) {
    const read = readCriteria(type, tried, { definitions, baseUrl: '', now: 0 });
    // A rule for many types is about those that know its parameters.
    if (!('problem' in read)) return [];
    problems.push(read.problem);
  }
  const [problem] = problems;
  return problem === undefined ? [] : [{ place, problem }];
}
