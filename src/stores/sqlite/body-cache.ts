/**
 * Current resources in memory, the least lately used go first. Valid for one data version of the database: the owner
 * evicts what changed since.
 */
import type { StoredResource } from '../../ports/backend.js';

/** What an entry costs beside its bytes. */
const ENTRY_OVERHEAD = 300;

export interface CachedBody {
  readonly rid: number;
  readonly resource: StoredResource;
}

export class BodyCache {
  readonly #limit: number;
  readonly #byKey = new Map<string, CachedBody>();
  readonly #keys = new Map<number, string>();
  #size = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get(key: string): CachedBody | undefined {
    const found = this.#byKey.get(key);
    if (found === undefined) return undefined;
    this.#byKey.delete(key);
    this.#byKey.set(key, found);
    return found;
  }

  getByRid(rid: number): StoredResource | undefined {
    const key = this.#keys.get(rid);
    return key === undefined ? undefined : this.get(key)?.resource;
  }

  set(key: string, body: CachedBody): void {
    const cost = body.resource.bytes.length + ENTRY_OVERHEAD;
    if (cost > this.#limit / 8) return;
    this.delete(body.rid);
    this.#byKey.set(key, body);
    this.#keys.set(body.rid, key);
    this.#size += cost;
    while (this.#size > this.#limit) {
      const oldest = this.#byKey.values().next().value;
      if (oldest === undefined) break;
      this.delete(oldest.rid);
    }
  }

  delete(rid: number): void {
    const key = this.#keys.get(rid);
    const body = key === undefined ? undefined : this.#byKey.get(key);
    if (key === undefined || body === undefined) return;
    this.#keys.delete(rid);
    this.#byKey.delete(key);
    this.#size -= body.resource.bytes.length + ENTRY_OVERHEAD;
  }

  clear(): void {
    this.#byKey.clear();
    this.#keys.clear();
    this.#size = 0;
  }
}
