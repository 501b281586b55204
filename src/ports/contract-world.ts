/**
 * The small world in which the contract suites of Backend play: resources whose index values stand in the resource
 * itself, definitions that know no more than which dates order which type, a clock that is moved by hand.
 */

import type { Definitions, SearchParameter } from '../fhir/definitions/definitions.js';
import type { ResourceObject } from '../fhir/format/json.js';
import { foldString } from '../fhir/primitives/fold.js';
import type { IndexValue } from '../fhir/search/index-value.js';
import type { Predicate, SortKey, ValueTest } from '../fhir/search/query.js';
import { NO_UNITS } from '../fhir/search/units.js';
import { type AccessFilter, permitting } from './access-filter.js';
import type {
  Backend,
  Commit,
  CommitResult,
  PreparedResource,
  SearchPage,
  SearchRequest,
  Write,
} from './backend.js';

export interface World {
  readonly definitions: Definitions;
  readonly makeIndexer: () => (resource: ResourceObject) => readonly IndexValue[];
  readonly clock: { now(): number };
}

/** A backend of an empty store in this world; the suite closes it. */
export type MakeBackend = (world: World) => Promise<Backend>;

export const START = Date.UTC(2024, 0, 1);

/** The time stands still until it is set. */
export class HandClock {
  time = START;
  now(): number {
    return this.time;
  }
}

const REFERENCES: Readonly<Record<string, readonly string[]>> = {
  Patient: ['organization', 'link'],
  Observation: ['subject', 'encounter'],
  Encounter: ['subject'],
};

export function contractWorld(clock: { now(): number } = new HandClock()): World {
  return { definitions: definitions(), makeIndexer: () => valuesInside, clock };
}

function definitions(): Definitions {
  return {
    fhirVersion: '4.0.1',
    fingerprint: 'contract',
    resourceTypes: new Map(),
    dataTypes: new Map(),
    primitives: new Map(),
    codeSets: new Map(),
    searchParameters: new Map(
      Object.entries(REFERENCES).map(([type, codes]) => [
        type,
        new Map(codes.map((code) => [code, referenceParameter(code)])),
      ]),
    ),
    compartments: new Map(),
    units: NO_UNITS,
    primaryDates: new Map([
      ['Observation', 'date'],
      ['Encounter', 'date'],
    ]),
  };
}

function referenceParameter(code: string): SearchParameter {
  return {
    code,
    url: `urn:${code}`,
    type: 'reference',
    elementTypes: ['Reference'],
    targets: [],
    repeats: true,
  };
}

function valuesInside(resource: ResourceObject): readonly IndexValue[] {
  return resource.values as unknown as readonly IndexValue[]; // `prepared` put them there
}

export function prepared(values: readonly IndexValue[] = [], text = ''): PreparedResource {
  return {
    metaRest: '',
    rest: `,"text":${JSON.stringify(text)},"values":${JSON.stringify(values)}}`,
    values,
    indexedAt: 0,
  };
}

export const UNRESTRICTED: AccessFilter = { kind: 'unrestricted', reason: 'contract suite' };

export function only(byType: Readonly<Record<string, Predicate>>): AccessFilter {
  return { kind: 'restricted', byType };
}

export function put(
  type: string,
  id: string,
  values: readonly IndexValue[] = [],
  more: Partial<Extract<Write, { kind: 'put' }>> = {},
): Write {
  return {
    kind: 'put',
    type,
    id,
    resource: prepared(values),
    expected: { kind: 'any' },
    method: 'PUT',
    ...more,
  };
}

export function remove(type: string, id: string, expected: Write['expected'] = { kind: 'any' }): Write {
  return { kind: 'delete', type, id, expected };
}

export function purge(type: string, id: string, expected: Write['expected'] = { kind: 'any' }): Write {
  return { kind: 'purge', type, id, expected };
}

export function commitOf(writes: readonly Write[], more: Partial<Commit> = {}): Commit {
  return { access: permitting(UNRESTRICTED), writes, conditions: [], resolvedAt: 0, ...more };
}

export function write(backend: Backend, ...writes: readonly Write[]): Promise<CommitResult> {
  return backend.commit(commitOf(writes));
}

export const EVERYTHING: Predicate = { op: 'everything' };

export function value(param: string, test: ValueTest): Predicate {
  return { op: 'value', param, test };
}

export function token(param: string, code: string, system?: string): Predicate {
  return value(param, { kind: 'token', code, ...(system === undefined ? {} : { system }) });
}

export function searchOf(
  type: string,
  where: Predicate = EVERYTHING,
  more: Partial<SearchRequest> & { readonly sort?: readonly SortKey[] } = {},
): SearchRequest {
  const { sort = [], ...others } = more;
  return {
    query: { parts: [{ type, where }], sort },
    access: UNRESTRICTED,
    count: 100,
    total: 'none',
    includes: [],
    deadline: 20_000,
    ...others,
  };
}

export function idsOf(page: SearchPage): string[] {
  return page.matches.map(({ id }) => id);
}

/** Ids of all pages of a search, in order. */
export async function allIds(backend: Backend, request: SearchRequest): Promise<string[]> {
  const ids: string[] = [];
  let page = await backend.search(request);
  ids.push(...idsOf(page));
  while (page.next !== undefined) {
    page = await backend.search({ ...request, after: page.next, asOf: page.asOf });
    ids.push(...idsOf(page));
  }
  return ids;
}

export const tokenValue = (param: string, code: string, system = ''): IndexValue => ({
  kind: 'token',
  param,
  system,
  code,
});
export const dateValue = (param: string, lo: number, hi = lo): IndexValue => ({
  kind: 'date',
  param,
  lo,
  hi,
});
export const numberValue = (param: string, lo: number, hi = lo): IndexValue => ({
  kind: 'number',
  param,
  lo,
  hi,
});
export const stringValue = (param: string, exact: string): IndexValue => ({
  kind: 'string',
  param,
  exact,
  folded: foldString(exact),
});
export const quantityValue = (param: string, amount: number, code: string, unit = code): IndexValue => ({
  kind: 'quantity',
  param,
  lo: amount,
  hi: amount,
  system: 'http://unitsofmeasure.org',
  code,
  unit,
});
export const uriValue = (param: string, uri: string): IndexValue => ({ kind: 'uri', param, value: uri });
export const referenceValue = (param: string, type: string, id: string, version?: string): IndexValue => ({
  kind: 'reference',
  param,
  target: { kind: 'local', type, id, ...(version === undefined ? {} : { version }) },
});
