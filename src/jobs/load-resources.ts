/**
 * Single resources, as NDJSON has them: stored under their ids, many in one commit.
 *
 * Invariant: storing the same line again changes nothing but versions: a resource without an id gets one that follows from
 * its file and line. One resource stands in a batch once, so versions are made in the order of the lines.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import { isObject, type JsonValue, type ResourceObject } from '../fhir/format/json.js';
import { Refusal } from '../fhir/outcome.js';
import type { Context } from '../interactions/context.js';
import { checkReferences } from '../interactions/references.js';
import { beginResolution, resolved, UNCONDITIONAL } from '../interactions/resolution.js';
import { replacement } from '../interactions/update.js';
import { checkId, checkResource, commitPlanned, type Planned, RefusedWrite } from '../interactions/write.js';
import type { Write } from '../ports/backend.js';

/** Big enough to share one flush among many, small enough to lose little time when it is done again. */
export const BATCH_RESOURCES = 1000;

export interface BatchItem<Place> {
  readonly place: Place;
  /** The tree, where references are checked; else it need not be kept until its turn comes. */
  readonly resource?: ResourceObject;
  readonly write: Write;
}

/** `Place`: what the caller knows an item by. */
export class ResourceBatch<Place> {
  readonly #items = new Map<string, BatchItem<Place>>();

  get size(): number {
    return this.#items.size;
  }

  get items(): readonly BatchItem<Place>[] {
    return [...this.#items.values()];
  }

  /** False where the batch is full, or has this resource already: begin another one. */
  accepts({ type, id }: Write): boolean {
    return this.#items.size < BATCH_RESOURCES && !this.#items.has(`${type}/${id}`);
  }

  add(item: BatchItem<Place>): void {
    this.#items.set(`${item.write.type}/${item.write.id}`, item);
  }
}

/** What ids and references of resources mean that come from elsewhere. */
export interface Meaning {
  /** Throws a Refusal where that is not clear. */
  id(type: string, id: string): string;
  rewritten(resource: ResourceObject, definitions: Definitions): ResourceObject;
}

/** The resource as a write, or a Refusal. */
export function readItem<Place>(
  value: JsonValue,
  place: Place,
  freshId: () => string,
  context: Context,
  meaning?: Meaning,
): BatchItem<Place> {
  const given = checkAny(value, context);
  const own = typeof given.id === 'string' ? checkId(given.id) : freshId();
  const id = meaning === undefined ? own : meaning.id(given.resourceType, own);
  const resource = meaning === undefined ? given : meaning.rewritten(given, context.knowledge.definitions);
  const write = replacement(resource, id, { kind: 'any' }, context);
  return { place, write, ...(context.settings.checkReferences ? { resource } : {}) };
}

/** Of whatever type it says it is. */
export function checkAny(value: JsonValue, context: Context): ResourceObject {
  const type = isObject(value) && typeof value.resourceType === 'string' ? value.resourceType : 'Resource';
  if (type !== 'Resource' && !context.knowledge.definitions.resourceTypes.has(type)) {
    throw new Refusal('unknown-type', 'Its resourceType is no resource type of FHIR R4.');
  }
  return checkResource(value, type, context);
}

/**
 * Stores a batch; items that are refused on the way are given to `refused` and left out. What the commit itself refuses is
 * thrown as RefusedWrite, with the item's place in `items`.
 */
export async function storeBatch<Place>(
  items: readonly BatchItem<Place>[],
  context: Context,
  refused: (place: Place, refusal: Refusal) => void,
): Promise<readonly Write[]> {
  let sound = items;
  if (context.settings.checkReferences) sound = await withTargets(items, context, refused);
  try {
    const { planned } = await commitPlanned(context, () => plan(sound, context));
    return planned.writes;
  } catch (error) {
    if (!(error instanceof RefusedWrite)) throw error;
    throw new RefusedWrite(items.indexOf(sound[error.write] as BatchItem<Place>), error); // one of them
  }
}

async function plan<Place>(items: readonly BatchItem<Place>[], context: Context): Promise<Planned> {
  const writes = items.map((item) => item.write);
  if (!context.settings.checkReferences) return { ...UNCONDITIONAL, writes };
  const resolution = await beginResolution(context);
  const written = keysOf(items);
  for (const { resource } of items) {
    if (resource !== undefined) await checkReferences(resource, resolution, context, written);
  }
  return { ...resolved(resolution), writes };
}

/** Leaves out what refers to nothing, and then what referred to that. */
async function withTargets<Place>(
  items: readonly BatchItem<Place>[],
  context: Context,
  refused: (place: Place, refusal: Refusal) => void,
): Promise<readonly BatchItem<Place>[]> {
  const resolution = await beginResolution(context);
  const written = keysOf(items);
  const sound: BatchItem<Place>[] = [];
  for (const item of items) {
    try {
      if (item.resource !== undefined) await checkReferences(item.resource, resolution, context, written);
      sound.push(item);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused(item.place, error);
    }
  }
  return sound.length === items.length ? sound : withTargets(sound, context, refused);
}

function keysOf<Place>(items: readonly BatchItem<Place>[]): ReadonlySet<string> {
  return new Set(items.map(({ write }) => `${write.type}/${write.id}`));
}
