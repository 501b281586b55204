/**
 * The access policies of the configuration, held against the definitions: whoever misspells a type must not believe to have
 * granted, or withheld, anything.
 */
import { unknownTypes } from '../access/policies.js';
import { searchProblems } from '../access/policy-searches.js';
import { type Conditions, readConditions } from '../access/when.js';
import type { Logger } from '../base/log.js';
import { type Config, ConfigError } from '../config.js';
import type { Definitions } from '../fhir/definitions/definitions.js';
import { nearest } from '../fhir/search/nearest.js';

/** Throws ConfigError with all types that FHIR does not have. */
export function checkAccess({ access }: Pick<Config, 'access'>, { resourceTypes }: Definitions): void {
  const problems = unknownTypes(access, (type) => resourceTypes.has(type)).map(({ place, type }) => {
    const [near] = nearest(type, resourceTypes.keys());
    return `${place}: there is no type ${type}${near === undefined ? '' : `; did you mean ${near}?`}`;
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

/**
 * Throws ConfigError with all searches of policies that cannot be read, and grant nothing therefore. `definitions` of FHIR
 * alone do not know the search parameters of the store.
 */
export function checkSearches({ access }: Pick<Config, 'access'>, definitions: Definitions): void {
  const problems = searchProblems(access, definitions).map(
    ({ place, problem }) => `${place} grants nothing: ${problem}`,
  );
  if (problems.length > 0) throw new ConfigError(problems);
}

/** A start goes on: a SearchParameter may be stored later, and until then the rule grants nothing. */
export function warnOfSearches(
  { access }: Pick<Config, 'access'>,
  definitions: Definitions,
  log: Logger,
): void {
  for (const problem of searchProblems(access, definitions)) {
    log.warn({ ...problem }, 'a search of the access policies grants nothing');
  }
}

/** The conditions of rules, ready to be evaluated. Throws ConfigError with all that cannot be. */
export async function compiledConditions({ access }: Pick<Config, 'access'>): Promise<Conditions> {
  const read = await readConditions(access);
  if (!('problems' in read)) return read;
  throw new ConfigError(read.problems.map(({ place, problem }) => `${place}: ${problem}`));
}
