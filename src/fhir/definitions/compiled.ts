/**
 * The compiled form of the definitions: what the build writes and the server loads. Plain JSON, small: names of
 * types and code sets once, elements as tuples.
 *
 * Invariant: compile makes it, load reads it, nobody else knows it.
 */
import type { PrimitiveDefinition, SearchParameter } from './definitions.js';

export interface CompiledDefinitions {
  readonly fhirVersion: string;
  readonly fingerprint: string;
  readonly types: readonly CompiledType[];
  readonly primitives: readonly PrimitiveDefinition[];
  readonly codeSets: Readonly<Record<string, readonly string[]>>;
  /** Base type (or Resource, DomainResource) → its own parameters. */
  readonly searchParameters: Readonly<Record<string, readonly SearchParameter[]>>;
  readonly compartments: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly primaryDates: Readonly<Record<string, string>>;
}

export interface CompiledType {
  readonly name: string;
  readonly kind: 'resource' | 'complex' | 'backbone';
  readonly elements: readonly CompiledElement[];
}

/** flags: 1 choice, 2 in summary, 4 modifier. max −1 = any number. */
export type CompiledElement = readonly [
  name: string,
  types: readonly string[],
  min: number,
  max: number,
  flags: number,
  binding: string | null,
  targets: readonly string[] | null,
];
