/**
 * The access policies of the configuration, held against the definitions: whoever misspells a type must not believe to have
 * granted, or withheld, anything.
 */
import { unknownTypes } from '../access/policies.js';
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
