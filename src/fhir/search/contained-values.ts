/**
 * The contained resources of a resource that is being indexed: what references inside of it lead to.
 * https://hl7.org/fhir/R4/references.html#contained
 *
 * Invariant: without a logical id there is nothing to name them by, and they are not indexed; of two with one id the
 * first counts.
 */
import { isObject, type ResourceObject } from '../format/json.js';
import { CONTAINER, CONTAINS, containedKey, type Key, LOCAL_ID } from './contained.js';
import type { IndexValue, ReferenceTarget } from './index-value.js';

/** A resource together with what it contains. */
export class Inside {
  readonly #container: Key;
  readonly #resources: ReadonlyMap<string, ResourceObject>;

  constructor(container: Key, resources: ReadonlyMap<string, ResourceObject>) {
    this.#container = container;
    this.#resources = resources;
  }

  /** By local id. */
  get resources(): ReadonlyMap<string, ResourceObject> {
    return this.#resources;
  }

  /** '' is the container. */
  typeOf(localId: string): string | undefined {
    return localId === '' ? this.#container.type : this.#resources.get(localId)?.resourceType;
  }

  target(localId: string): ReferenceTarget | undefined {
    if (localId === '') return { kind: 'local', ...this.#container };
    const type = this.typeOf(localId);
    return type === undefined
      ? undefined
      : { kind: 'local', ...containedKey(this.#container, type, localId) };
  }

  /** The way from the container to a contained resource, and that resource with its values. */
  valuesOf(localId: string, type: string, own: readonly IndexValue[]): readonly IndexValue[] {
    const key = containedKey(this.#container, type, localId);
    const container: IndexValue = {
      kind: 'reference',
      param: CONTAINER,
      target: { kind: 'local', ...this.#container },
    };
    const id: IndexValue = { kind: 'token', param: LOCAL_ID, system: '', code: localId };
    return [
      { kind: 'reference', param: CONTAINS, target: { kind: 'local', ...key } },
      { kind: 'contained', param: '@contained', ...key, values: [...own, container, id] },
    ];
  }
}

/** Undefined: the resource contains nothing that could be named. */
export function insideOf({ resourceType, id, contained }: ResourceObject): Inside | undefined {
  if (!Array.isArray(contained) || typeof id !== 'string') return undefined;
  const resources = new Map<string, ResourceObject>();
  for (const one of contained) {
    if (!isObject(one) || typeof one.resourceType !== 'string' || typeof one.id !== 'string') continue;
    if (!resources.has(one.id)) resources.set(one.id, one as ResourceObject); // its type was looked at just above
  }
  return resources.size === 0 ? undefined : new Inside({ type: resourceType, id }, resources);
}
