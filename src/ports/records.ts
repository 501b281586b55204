/**
 * Small durable records of the house itself, kept in the tenant's store: clients, keys, codes, tokens, grants, sessions,
 * `jti`s. A record stands under its kind and name; its value is text, JSON by custom. Not for resources.
 *
 * Invariants: what resolved is durable and seen by every process that looks afterwards. Of several that insert the same
 * record, or take it, one succeeds. A record whose time has passed is not there.
 */
import type { MaybePromise } from './backend.js';

export interface RecordOptions {
  /** Milliseconds since 1970; absent: for ever. */
  readonly expires?: number;
  /** Records that go together: all that one grant led to. */
  readonly group?: string;
}

export interface StoredRecord {
  readonly name: string;
  readonly value: string;
}

export interface Records {
  get(kind: string, name: string): MaybePromise<string | undefined>;
  /** Puts it there, whatever was. */
  put(kind: string, name: string, value: string, options?: RecordOptions): Promise<void>;
  /** False where it is there already. */
  insert(kind: string, name: string, value: string, options?: RecordOptions): Promise<boolean>;
  /** The value, which is then gone; undefined for whoever comes second. */
  take(kind: string, name: string): Promise<string | undefined>;
  /** False where it was not there. */
  remove(kind: string, name: string): Promise<boolean>;
  removeGroup(group: string): Promise<void>;
  /** Those of a kind in order of their names (by their UTF-8 bytes), from the first one after `after`. */
  list(kind: string, after: string, limit: number): MaybePromise<readonly StoredRecord[]>;
  /**
   * While this is the same, no record has changed, in whichever process; that it differs means nothing. What was made of
   * records may be used again as long as it is the same and their time has not passed.
   */
  generation(): MaybePromise<number>;
}
