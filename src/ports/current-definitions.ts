/**
 * What FHIR defines together with the search parameters that were stored in a tenant: which there are, and how far each
 * is indexed, is read from the store, so that all processes on it agree.
 *
 * Invariant: one value never changes; whoever asks again is given the newest.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import type { ResourceObject } from '../fhir/format/json.js';
import type { IndexValue } from '../fhir/search/index-value.js';
import type { Position } from './backend.js';

export interface CurrentDefinitions {
  readonly definitions: Definitions;
  /** Values of all parameters, those that are still being indexed included. */
  index(resource: ResourceObject): readonly IndexValue[];
  /** Of the commit that changed the set of custom parameters last; 0 where there never was one. */
  readonly at: Position;
}
