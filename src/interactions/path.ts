/**
 * The shapes that a path below the base can have, and what a path of each shape points at.
 * https://hl7.org/fhir/R4/http.html#general, https://hl7.org/fhir/R4/http.html#Compartment
 *
 * Invariant: a path has one shape or is refused; what is refused is told what comes nearest.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import { nearest } from '../fhir/search/nearest.js';
import type {
  HistoryTarget,
  InstanceTarget,
  JobTarget,
  OperationTarget,
  SearchTarget,
  TypeTarget,
  VersionTarget,
} from './target.js';

/** What a path of each shape points at. */
export interface Targets {
  system: SearchTarget;
  'system-search': SearchTarget;
  'system-history': HistoryTarget;
  metadata: SearchTarget;
  type: TypeTarget;
  'type-search': TypeTarget;
  'type-history': TypeTarget;
  instance: InstanceTarget;
  'instance-history': InstanceTarget;
  version: VersionTarget;
  compartment: SearchTarget;
  'compartment-search': SearchTarget;
  'system-operation': OperationTarget;
  'type-operation': OperationTarget;
  'instance-operation': OperationTarget;
  job: JobTarget;
  'job-file': JobTarget;
}

export type ShapeName = keyof Targets;

interface Shape<T> {
  /** `:type`, `:id`, `:compartment`, `:member` and `:operation` stand for a segment of that kind; others for themselves. */
  readonly segments: readonly string[];
  readonly target: (path: readonly string[]) => T;
}

const WHOLE_SYSTEM = {};
const system = () => WHOLE_SYSTEM;
// A path that fits the segments has them all.
const typeTarget = (path: readonly string[]): TypeTarget => ({ type: path[0] as string });
const instanceTarget = (path: readonly string[]): InstanceTarget => ({
  type: path[0] as string,
  id: path[1] as string,
});
const memberTarget = (path: readonly string[]): SearchTarget => ({
  compartment: { name: path[0] as string, id: path[1] as string },
  ...(path[2] === '*' ? {} : { type: path[2] as string }),
});

const called = (segment: string | undefined): OperationTarget => ({ operation: segment?.slice(1) ?? '' });

export const SHAPES: { readonly [S in ShapeName]: Shape<Targets[S]> } = {
  system: { segments: [], target: system },
  metadata: { segments: ['metadata'], target: system },
  'system-search': { segments: ['_search'], target: system },
  'system-history': { segments: ['_history'], target: system },
  type: { segments: [':type'], target: typeTarget },
  instance: { segments: [':type', ':id'], target: instanceTarget },
  'type-search': { segments: [':type', '_search'], target: typeTarget },
  'type-history': { segments: [':type', '_history'], target: typeTarget },
  'instance-history': { segments: [':type', ':id', '_history'], target: instanceTarget },
  compartment: { segments: [':compartment', ':id', ':member'], target: memberTarget },
  version: {
    segments: [':type', ':id', '_history', ':id'],
    target: (path) => ({ ...instanceTarget(path), versionId: path[3] as string }),
  },
  'compartment-search': { segments: [':compartment', ':id', ':member', '_search'], target: memberTarget },
  job: { segments: ['_jobs', ':id'], target: (path) => ({ job: path[1] as string }) },
  'job-file': {
    segments: ['_jobs', ':id', ':id'],
    target: (path) => ({ job: path[1] as string, file: path[2] as string }),
  },
  'system-operation': { segments: [':operation'], target: (path) => called(path[0]) },
  'type-operation': {
    segments: [':type', ':operation'],
    target: (path) => ({ ...typeTarget(path), ...called(path[1]) }),
  },
  'instance-operation': {
    segments: [':type', ':id', ':operation'],
    target: (path) => ({ ...instanceTarget(path), ...called(path[2]) }),
  },
};

export interface Place {
  readonly shape: ShapeName;
  readonly target: Targets[ShapeName];
}

/** By number of segments: a read looks at three shapes, and fits the first. */
const BY_LENGTH: readonly (readonly ShapeName[])[] = [0, 1, 2, 3, 4].map((length) =>
  // The keys of a typed table are its names.
  (Object.keys(SHAPES) as ShapeName[]).filter((name) => SHAPES[name].segments.length === length),
);

export function locate(path: readonly string[], definitions: Definitions): Place {
  for (const shape of BY_LENGTH[path.length] ?? []) {
    const { segments, target } = SHAPES[shape];
    if (fits(path, segments, definitions)) return { shape, target: target(path) };
  }
  throw nowhere(path, definitions);
}

function fits(path: readonly string[], segments: readonly string[], definitions: Definitions): boolean {
  for (let index = 0; index < segments.length; index++) {
    // Both have as many segments.
    if (!fitsSegment(path[index] as string, segments[index] as string, definitions)) return false;
  }
  return true;
}

function fitsSegment(text: string, segment: string, definitions: Definitions): boolean {
  switch (segment) {
    case ':type':
      return definitions.resourceTypes.has(text);
    case ':id':
      return text !== '' && text[0] !== '_' && text[0] !== '$';
    case ':compartment':
      return definitions.compartments.has(text);
    case ':operation':
      return text[0] === '$';
    case ':member':
      return text === '*' || definitions.resourceTypes.has(text);
    default:
      return text === segment;
  }
}

function nowhere(path: readonly string[], definitions: Definitions): Refusal {
  const [first = ''] = path;
  const operation = path.find((segment) => segment.startsWith('$'));
  if (first !== operation && !first.startsWith('_') && !definitions.resourceTypes.has(first)) {
    return unknownType(first, definitions);
  }
  if (operation !== undefined) {
    const text = `There is no operation ${serialise(operation)} here: /metadata lists what there is.`;
    return new Refusal('unknown-operation', text);
  }
  return new Refusal('unknown-route', 'Nothing is at this path: /metadata lists what can be asked.');
}

function unknownType(name: string, definitions: Definitions): Refusal {
  const near = nearest(name, definitions.resourceTypes.keys());
  const hint =
    near.length === 0 ? 'names are as in FHIR R4, such as Patient' : `did you mean ${near.join(', ')}?`;
  return new Refusal('unknown-type', `${serialise(name)} is no resource type: ${hint}`);
}
