/**
 * Compiled bytes → the Definitions value.
 *
 * Invariant: equal strings and lists are shared, so that the value stays small however many types repeat them.
 */

import { NO_UNITS, type Units } from '../search/units.js';
import type { CompiledDefinitions, CompiledElement, CompiledType } from './compiled.js';
import type { Definitions, ElementDefinition, SearchParameter, TypeDefinition } from './definitions.js';

/** `compiledJson`: what the build wrote. Throws SyntaxError on anything that is no JSON. */
export function loadDefinitions(compiledJson: string, units: Units = NO_UNITS): Definitions {
  // Written by our own build; its shape is CompiledDefinitions by construction.
  const compiled = JSON.parse(compiledJson) as CompiledDefinitions;
  const types = new Map(compiled.types.map((type) => [type.name, typeDefinition(type)]));
  const resources = [...types].filter(([, { kind }]) => kind === 'resource');
  return {
    fhirVersion: compiled.fhirVersion,
    fingerprint: compiled.fingerprint,
    resourceTypes: new Map(resources),
    dataTypes: new Map([...types].filter(([, { kind }]) => kind !== 'resource')),
    primitives: new Map(compiled.primitives.map((primitive) => [primitive.name, primitive])),
    codeSets: new Map(Object.entries(compiled.codeSets).map(([url, codes]) => [url, new Set(codes)])),
    searchParameters: new Map(resources.map(([name, type]) => [name, parametersOf(compiled, name, type)])),
    compartments: new Map(
      Object.entries(compiled.compartments).map(([name, members]) => [
        name,
        new Map(Object.entries(members)),
      ]),
    ),
    primaryDates: new Map(Object.entries(compiled.primaryDates)),
    units,
  };
}

function typeDefinition({ name, kind, elements }: CompiledType): TypeDefinition {
  return { name, kind, elements: elements.map(elementDefinition) };
}

function elementDefinition([
  name,
  types,
  min,
  max,
  flags,
  binding,
  targets,
]: CompiledElement): ElementDefinition {
  return {
    name,
    choice: (flags & 1) !== 0,
    types,
    min,
    max: max === -1 ? Number.POSITIVE_INFINITY : max,
    ...(binding === null ? {} : { requiredBinding: binding }),
    ...(targets === null ? {} : { targets }),
    inSummary: (flags & 2) !== 0,
    isModifier: (flags & 4) !== 0,
  };
}

/** Parameters of Resource, then of DomainResource where the type is one, then its own: the last of a code holds. */
function parametersOf(
  compiled: CompiledDefinitions,
  name: string,
  type: TypeDefinition,
): ReadonlyMap<string, SearchParameter> {
  const isDomainResource = type.elements.some((element) => element.name === 'contained');
  const inherited = [
    ...inheritedFrom(compiled, 'Resource', name),
    ...(isDomainResource ? inheritedFrom(compiled, 'DomainResource', name) : []),
  ];
  return new Map([...inherited, ...(compiled.searchParameters[name] ?? [])].map((own) => [own.code, own]));
}

function inheritedFrom(
  compiled: CompiledDefinitions,
  base: string,
  name: string,
): readonly SearchParameter[] {
  return (compiled.searchParameters[base] ?? []).map((parameter) =>
    parameter.expression === undefined
      ? parameter
      : { ...parameter, expression: parameter.expression.replaceAll(`${base}.`, `${name}.`) },
  );
}
