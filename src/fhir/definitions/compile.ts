/**
 * Published definitions (StructureDefinition, SearchParameter, CompartmentDefinition, ValueSet) → the compiled form.
 *
 * Invariant: the same input in any order gives the same bytes: everything is sorted by name or by the specification.
 */
import { type CodeSet, compileCodeSets, type ExpandedValueSet } from './compile-code-sets.js';
import { compileSearchParameters, type SearchParameterResource } from './compile-search-parameters.js';
import {
  compileAbstractResources,
  compilePrimitives,
  compileTypes,
  type StructureDefinition,
} from './compile-types.js';
import type { CompiledDefinitions } from './compiled.js';
import { primaryDate } from './primary-dates.js';

export interface CompartmentDefinition {
  readonly resourceType: 'CompartmentDefinition';
  readonly code: string;
  readonly resource: readonly { readonly code: string; readonly param?: readonly string[] }[];
}

export interface Published {
  readonly structures: readonly StructureDefinition[];
  readonly searchParameters: readonly SearchParameterResource[];
  readonly compartments: readonly CompartmentDefinition[];
  readonly valueSets: readonly ExpandedValueSet[];
}

/** Without a fingerprint: that is the hash of what this returns, and hashing is the caller's. */
export function compileDefinitions(published: Published): Omit<CompiledDefinitions, 'fingerprint'> {
  const types = compileTypes(byKey(published.structures, ({ type }) => type));
  const abstract = compileAbstractResources(published.structures);
  const names = new Set(types.map(({ name }) => name));
  const codeSets = compileCodeSets(
    types,
    byKey(published.valueSets, ({ url }) => url),
  );
  const searchParameters = compileSearchParameters(
    byKey(published.searchParameters, ({ url }) => url),
    { types: new Map([...types, ...abstract].map((type) => [type.name, type])), codeSets },
  );
  const dates = Object.entries(searchParameters).flatMap(([base, own]) => {
    const code = primaryDate(own);
    return code === undefined || !names.has(base) ? [] : [[base, code] as const];
  });
  return {
    fhirVersion: '4.0.1',
    types,
    primitives: compilePrimitives(byKey(published.structures, ({ type }) => type)),
    codeSets: Object.fromEntries([...codeSets].map(([url, { codes }]: [string, CodeSet]) => [url, codes])),
    searchParameters,
    compartments: Object.fromEntries(
      byKey(published.compartments, ({ code }) => code).map(({ code, resource }) => [
        code,
        memberships(resource),
      ]),
    ),
    primaryDates: Object.fromEntries(dates),
  };
}

function memberships(
  resources: CompartmentDefinition['resource'],
): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    resources.flatMap(({ code, param }) => (param === undefined ? [] : [[code, param]])),
  );
}

function byKey<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
