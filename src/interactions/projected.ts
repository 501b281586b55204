/**
 * `_summary` and `_elements` on stored bytes.
 * https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements
 *
 * Invariant: without them the bytes pass through unparsed.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import type { ResourceObject } from '../fhir/format/json.js';
import { parseJson } from '../fhir/format/parse.js';
import { project } from '../fhir/format/projection.js';
import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import type { QueryPair } from './request.js';

export interface Projection {
  readonly summary?: 'true' | 'text' | 'data';
  readonly elements?: readonly string[];
}

/** A stored resource as a tree. */
export function parseStored(bytes: Buffer): ResourceObject {
  return parseJson(bytes.toString('utf8')) as ResourceObject; // only checked resources are stored
}

export function projectBytes(bytes: Buffer, projection: Projection, definitions: Definitions): Buffer {
  return Buffer.from(serialise(project(parseStored(bytes), definitions, projection)));
}

/** The projection that the query of a read asks for; undefined = the whole resource. */
export function requestedProjection(query: readonly QueryPair[]): Projection | undefined {
  if (query.length === 0) return undefined;
  const summary = summaryOf(query.find((pair) => pair[0] === '_summary')?.[1]);
  const elements = query
    .filter((pair) => pair[0] === '_elements')
    .flatMap((pair) => pair[1].split(','))
    .map((element) => element.trim())
    .filter((element) => element !== '');
  if (summary === undefined && elements.length === 0) return undefined;
  return {
    ...(summary === undefined ? {} : { summary }),
    ...(elements.length === 0 ? {} : { elements }),
  };
}

function summaryOf(value: string | undefined): Projection['summary'] {
  switch (value) {
    case 'true':
    case 'text':
    case 'data':
      return value;
    case undefined:
    case 'false':
      return undefined;
    default:
      throw new Refusal('invalid-parameter', '_summary of one resource is true, text, data or false.');
  }
}
