/**
 * Index values of a resource: everything by which it can be found, from the SearchParameters of its type.
 * https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/compartmentdefinition.html
 *
 * Invariants: a pure function of (definitions, resource); the steps of a type are compiled when its first resource comes;
 * no value appears twice. `_id` and `_lastUpdated` are no values: whoever holds the resource knows them. Contained resources
 * are values of what contains them, and in its compartments.
 */
import { assert } from '../../base/assert.js';
import type { Definitions, SearchParameter } from '../definitions/definitions.js';
import { isObject, type JsonObject, type ResourceObject } from '../format/json.js';
import { consentValues } from './consent-values.js';
import { containedType, isContainedType } from './contained.js';
import { type Inside, insideOf } from './contained-values.js';
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
  const stepsFor = (name: string, compile: () => readonly Extract[]): readonly Extract[] => {
    const known = compiled.get(name);
    if (known !== undefined) return known;
    const steps = compile();
    compiled.set(name, steps);
    return steps;
  };
  const ownValues = (resource: ResourceObject): Extraction => {
    const type = resource.resourceType;
    return extracted(
      resource,
      stepsFor(type, () => stepsOf(type, room)),
      definitions,
    );
  };
  return (resource) => {
    const inside = insideOf(resource);
    if (inside === undefined) {
      const { values, memberships } = ownValues(resource);
      for (const membership of memberships) values.push(membership);
      return values;
    }
    room.references.enter(inside);
    try {
      const { values, memberships } = ownValues(resource);
      const contained = containedValues(inside, memberships, room, stepsFor);
      return [...values, ...memberships, ...contained];
    } finally {
      room.references.enter(undefined);
    }
  };
}

/** Of types that these definitions know; those of others cannot be searched. */
function containedValues(
  inside: Inside,
  memberships: readonly IndexValue[],
  room: Room,
  stepsFor: (name: string, compile: () => readonly Extract[]) => readonly Extract[],
): readonly IndexValue[] {
  const { definitions } = room;
  return [...inside.resources].flatMap(([localId, resource]) => {
    const type = resource.resourceType;
    if (!definitions.searchParameters.has(type)) return [];
    const steps = stepsFor(containedType(type), () => publishedSteps(type, room));
    const { values } = extracted(resource, steps, definitions);
    return inside.valuesOf(localId, type, [...values, ...memberships]);
  });
}

function stepsOf(type: string, room: Room): readonly Extract[] {
  const { searchParameters, compartments } = room.definitions;
  const parameters = searchParameters.get(type);
  assert(parameters !== undefined, `${type} has no search parameters: its resources cannot be indexed`);
  const steps = compiledSteps([...parameters.values()], type, room);
  if (type === 'Binary') return [...steps, securityContext(room)];
  if (type === 'Consent') return [...steps, consent(room)];
  return compartments.has(type) ? [...steps, ownCompartment(type)] : steps;
}

/** Without custom parameters: what was stored before one came is indexed by it as a stored resource alone. */
function publishedSteps(type: string, room: Room): readonly Extract[] {
  const parameters = [...(room.definitions.searchParameters.get(type)?.values() ?? [])];
  return compiledSteps(
    parameters.filter(({ custom }) => custom === undefined),
    type,
    room,
  );
}

function compiledSteps(parameters: readonly SearchParameter[], type: string, room: Room): readonly Extract[] {
  return parameters
    .filter(({ code }) => !NOT_INDEXED.has(code))
    .map((parameter) => parameterStep(parameter, type, compartmentsOf(parameter, type, room), room))
    .filter((step) => step !== undefined);
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
    const target = typeof text === 'string' ? references.target(text) : undefined;
    walk.memberships.push({
      kind: 'reference',
      param: SECURITY_CONTEXT,
      target:
        target?.kind === 'local' && !isContainedType(target.type)
          ? { kind: 'local', type: target.type, id: target.id }
          : { kind: 'url', url: 'urn:fairway:elsewhere' },
    });
  };
}

function consent({ references }: Room): Extract {
  return (value, walk) => {
    // Steps of a type are handed its resources.
    walk.memberships.push(...consentValues(value as JsonObject, (text) => references.target(text)));
  };
}

/** What a parameter finds twice is dropped at once, while its values are the last of the list. */
function extracted(resource: ResourceObject, steps: readonly Extract[], { units }: Definitions): Extraction {
  const walk: Extraction = { resource, values: [], memberships: [], units };
  const { values, memberships } = walk;
  for (const step of steps) {
    const from = values.length;
    step(resource, walk);
    dropRepeated(values, from);
  }
  dropRepeated(memberships, 0);
  return walk;
}
