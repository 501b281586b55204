/**
 * Code systems and value sets as far as they are loaded: what searches by `:in`, `:not-in`, `:above` and `:below` ask.
 * https://hl7.org/fhir/R4/terminology-service.html
 *
 * Invariants
 * - All codes or a refusal (400): what is not loaded, or cannot be worked out from what is, is named in it. Nothing is
 *   answered in part, and nothing that is unknown is taken for empty.
 * - Resources are read through the access filter: what its holder may not see is not loaded for them.
 * - A change of a resource holds from the next question on.
 */
import type { SystemCodes } from '../fhir/terminology/value-set.js';
import type { AccessFilter } from './access-filter.js';

export interface Terminology {
  /** The codes of a value set: `url`, `url|version`, or `ValueSet/id` of this server. */
  expand(valueSet: string, access: AccessFilter): Promise<readonly SystemCodes[]>;
  /** A code and all that stands beneath it in its system, which is `url` or `url|version`. */
  below(system: string, code: string, access: AccessFilter): Promise<SystemCodes>;
  /** A code and all that it stands beneath. */
  above(system: string, code: string, access: AccessFilter): Promise<SystemCodes>;
}
