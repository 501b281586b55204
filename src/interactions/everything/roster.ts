/**
 * Whose everything is asked for: one resource, the members of a Group, or all of a type that may be seen. They are gone
 * through one after the other, so that a page costs the same in a small store and in a large one.
 *
 * Invariant: a place in the roster is plain data, and leads to the same subject however the store changes; members are
 * those of one version of the Group.
 */
import { isObject, type ResourceObject } from '../../fhir/format/json.js';
import { parseReference } from '../../fhir/reference.js';
import type { MaybePromise, PageKey, Position, ResourceKey } from '../../ports/backend.js';
import type { Context } from '../context.js';
import { timeLeft } from '../search.js';

export interface Subject extends ResourceKey {
  /** Where the roster goes on behind it; absent: it is the last. */
  readonly next?: PageKey;
}

export interface Roster {
  /** The type of the subjects, and the name of their compartments. */
  readonly type: string;
  /** Stands before the subjects and is of another type: the Group. */
  readonly head?: ResourceKey;
  readonly hasOne: boolean;
  /** The subject at a place, the first one without; undefined where there is none. */
  at(place: PageKey | undefined, asOf: Position): MaybePromise<Subject | undefined>;
  /** Those of the ids that are subjects too. */
  among(ids: readonly string[]): MaybePromise<readonly string[]>;
}

export function single({ type, id }: ResourceKey): Roster {
  return { type, hasOne: true, at: () => ({ type, id }), among: (ids) => ids.filter((one) => one === id) };
}

/** The Group first, then its members that are patients and not marked as former ones. */
export function members(group: ResourceObject, head: ResourceKey, baseUrl: string): Roster {
  const ids = patientsOf(group, baseUrl);
  const known = new Set(ids);
  const next = (index: number) => (index < ids.length ? { next: [index] } : {});
  return {
    type: 'Patient',
    head,
    hasOne: false,
    at: (place) => {
      if (place === undefined) return { ...head, ...next(0) };
      const index = Number(place[0]);
      const id = ids[index];
      return id === undefined ? undefined : { type: 'Patient', id, ...next(index + 1) };
    },
    among: (asked) => asked.filter((id) => known.has(id)),
  };
}

/** Ids of the members that are patients of this server and not marked as former ones. */
export function patientsOf({ member }: ResourceObject, baseUrl: string): readonly string[] {
  const ids = new Set<string>();
  for (const one of Array.isArray(member) ? member : []) {
    if (!isObject(one) || one.inactive === true || !isObject(one.entity)) continue;
    const { reference } = one.entity;
    const target = typeof reference === 'string' ? parseReference(reference, baseUrl) : undefined;
    if (target?.kind === 'local' && target.type === 'Patient') ids.add(target.id);
  }
  return [...ids];
}

/** Every resource of the type that may be seen, in the store's natural order. */
export function allOfType(type: string, context: Context): Roster {
  const { backend, access } = context;
  return {
    type,
    hasOne: false,
    at: async (after, asOf) => {
      const page = await backend.search({
        query: { parts: [{ type, where: { op: 'everything' } }], sort: [] },
        access: access.search,
        count: 1,
        total: 'none',
        includes: [],
        asOf,
        ...(after === undefined ? {} : { after }),
        deadline: timeLeft(context),
      });
      const [found] = page.matches;
      if (found === undefined) return undefined;
      return { type, id: found.id, ...(page.next === undefined ? {} : { next: page.next }) };
    },
    among: (ids) =>
      ids.length === 0 ? [] : backend.resolve(type, { op: 'id', ids }, access.search, ids.length),
  };
}
