/**
 * Index values of a resource: everything by which it can be found, from the SearchParameters of its type.
 * https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/compartmentdefinition.html
 *
 * Invariants: a pure function of (definitions, resource); the steps of a type are compiled when its first resource comes;
 * no value appears twice. `_id` and `_lastUpdated` are no values: whoever holds the resource knows them.
 */
import { assert } from '../../base/assert.js';
import type { Definitions, SearchParameter } from '../definitions/definitions.js';
import { isObject, type JsonObject, type ResourceObject } from '../format/json.js';
import { dropRepeated } from './distinct.js';
import { type IndexValue, SECURITY_CONTEXT, SELF } from './index-value.js';
import { parameterStep, type Room } from './parameter-step.js';
import { elementsOf } from './path/elements.js';
import type { Extract, Extraction } from './values/extraction.js';
import { referenceReader } from './values/reference-values.js';

export interface IndexerOptions {
  /** Absolute references under this URL are local ones. Without a slash at the end. */
  readonly baseUrl?: string;
}

export type Indexer = (resource: ResourceObject) => readonly IndexValue[];

/** Answered by the store itself, from the version's row. */
const NOT_INDEXED: ReadonlySet<string> = new Set(['_id', '_lastUpdated']);

export function makeIndexer(definitions: Definitions, options: IndexerOptions = {}): Indexer {
  const room: Room = {
    definitions,
    elements: elementsOf(definitions),
    references: referenceReader(options.baseUrl),
  };
  const compiled = new Map<string, readonly Extract[]>();
  return (resource) => {
    const type = resource.resourceType;
    let steps = compiled.get(type);
    if (steps === undefined) {
      steps = stepsOf(type, room);
      compiled.set(type, steps);
    }
    return valuesOf(resource, steps, definitions);
  };
}

function stepsOf(type: string, room: Room): readonly Extract[] {
  const parameters = room.definitions.searchParameters.get(type);
  assert(parameters !== undefined, `${type} has no search parameters: its resources cannot be indexed`);
  const steps = [...parameters.values()]
    .filter(({ code }) => !NOT_INDEXED.has(code))
    .map((parameter) => parameterStep(parameter, type, compartmentsOf(parameter, type, room), room))
    .filter((step) => step !== undefined);
  if (type === 'Binary') return [...steps, securityContext(room)];
  return room.definitions.compartments.has(type) ? [...steps, ownCompartment(type)] : steps;
}

/** The compartments that a parameter makes members of. */
function compartmentsOf({ code }: SearchParameter, type: string, { definitions }: Room): readonly string[] {
  return [...definitions.compartments]
    .filter(([, members]) => members.get(type)?.includes(code) === true)
    .map(([name]) => name);
}

/** Whom the compartment is about belongs to it. */
function ownCompartment(type: string): Extract {
  const param = `@${type}`;
  return (value, walk) => {
    const { id } = value as JsonObject; // steps of a type are handed its resources
    if (typeof id !== 'string') return;
    const target = { kind: 'local', type, id } as const;
    walk.memberships.push({ kind: 'reference', param, target });
    // Whose record it is, is asked of the patient of today, also for an old version.
    if (type === 'Patient') walk.memberships.push({ kind: 'reference', param: SELF, target });
  };
}

/**
 * Whom a Binary belongs to. One whose securityContext names nothing of this store is not one without: it has a value that
 * leads nowhere.
 * https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext
 */
function securityContext({ references }: Room): Extract {
  return (value, walk) => {
    const { securityContext: context } = value as JsonObject; // steps of a type are handed its resources
    if (context === undefined) return;
    const text = isObject(context) ? context.reference : undefined;
    const target = typeof text === 'string' ? references.parse(text) : undefined;
    walk.memberships.push({
      kind: 'reference',
      param: SECURITY_CONTEXT,
      target:
        target?.kind === 'local'
          ? { kind: 'local', type: target.type, id: target.id }
          : { kind: 'url', url: 'urn:fairway:elsewhere' },
    });
  };
}

/** What a parameter finds twice is dropped at once, while its values are the last of the list. */
function valuesOf(
  resource: ResourceObject,
  steps: readonly Extract[],
  { units }: Definitions,
): readonly IndexValue[] {
  const walk: Extraction = { resource, values: [], memberships: [], units };
  const { values, memberships } = walk;
  for (const step of steps) {
    const from = values.length;
    step(resource, walk);
    dropRepeated(values, from);
  }
  dropRepeated(memberships, 0);
  for (const membership of memberships) values.push(membership);
  return values;
}
