/**
 * What Fairway knows of FHIR R4 4.0.1: types, elements, search parameters, compartments and small code sets, as
 * one immutable value that main.ts loads from compiled bytes and passes on as an argument.
 * https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/searchparameter.html
 *
 * Invariant: nothing below changes after loading; a custom SearchParameter, and how far its index has come, makes a new
 * value.
 */
import type { Units } from '../search/units.js';

export interface Definitions {
  /** FHIR version, `4.0.1`. */
  readonly fhirVersion: string;
  /** Changes whenever any table changes: stores compare it to know that a reindex is due. */
  readonly fingerprint: string;
  /** Concrete resource types by name (no Resource, no DomainResource). */
  readonly resourceTypes: ReadonlyMap<string, TypeDefinition>;
  /** Complex data types and backbone elements by name or path (`HumanName`, `Patient.contact`). */
  readonly dataTypes: ReadonlyMap<string, TypeDefinition>;
  /** Primitive types by name (`code`, `dateTime`). */
  readonly primitives: ReadonlyMap<string, PrimitiveDefinition>;
  /** Codes of required bindings, by canonical URL without version; absent where the set is large or open. */
  readonly codeSets: ReadonlyMap<string, ReadonlySet<string>>;
  /** Search parameters of a resource type by code, inherited ones (_id, _lastUpdated …) included. */
  readonly searchParameters: ReadonlyMap<string, ReadonlyMap<string, SearchParameter>>;
  /** Compartment name (`Patient`) → resource type → codes of the reference parameters that make membership. */
  readonly compartments: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
  /** The date parameter that orders resources of a type (`Observation` → `date`), where it has one. */
  readonly primaryDates: ReadonlyMap<string, string>;
  /** How units convert, for index values and searches alike. */
  readonly units: Units;
}

export interface TypeDefinition {
  readonly name: string;
  readonly kind: 'resource' | 'complex' | 'backbone';
  /** In the order of the specification; inherited elements (id, extension, meta …) included. */
  readonly elements: readonly ElementDefinition[];
}

export interface ElementDefinition {
  /** Without `[x]`: `value` for `value[x]`. */
  readonly name: string;
  readonly choice: boolean;
  /** Type names; a backbone's is its path; a content reference is the path it refers to. `Resource` = any. */
  readonly types: readonly string[];
  readonly min: number;
  /** Infinity for `*`. */
  readonly max: number;
  /** Canonical URL (without version) of a required binding. */
  readonly requiredBinding?: string;
  /** Resource types that a Reference or canonical may point to; absent = any. */
  readonly targets?: readonly string[];
  readonly inSummary: boolean;
  readonly isModifier: boolean;
}

export interface PrimitiveDefinition {
  readonly name: string;
  readonly json: 'string' | 'number' | 'boolean';
  /** Regular expression source without anchors, as the specification gives it. */
  readonly pattern?: string;
}

export type SearchParameterType =
  | 'token'
  | 'string'
  | 'date'
  | 'number'
  | 'quantity'
  | 'reference'
  | 'uri'
  | 'composite'
  | 'special';

export interface SearchParameter {
  readonly code: string;
  readonly url: string;
  readonly type: SearchParameterType;
  /** The part of the FHIRPath expression that concerns this resource type; absent for _text, _filter … */
  readonly expression?: string;
  /** Element types that the expression can yield (`Identifier`, `dateTime`, `Period`). */
  readonly elementTypes: readonly string[];
  /** Resource types that a reference parameter can point to; empty = any. */
  readonly targets: readonly string[];
  /** Components of a composite: the parameter whose type rules them, and the expression below the root. */
  readonly components?: readonly {
    readonly code: string;
    readonly type: SearchParameterType;
    readonly expression: string;
  }[];
  /** True when one resource can have several values. */
  readonly repeats: boolean;
  /** Where all values are of type `code`: the systems its bindings imply. */
  readonly impliedSystems?: readonly string[];
  readonly description?: string;
  /** Absent: a parameter of FHIR itself. */
  readonly custom?: CustomOrigin;
}

/** What is said of a parameter that a stored SearchParameter resource defines. */
export interface CustomOrigin {
  /** Id of the SearchParameter. */
  readonly id: string;
  /** Present while older resources are still being indexed: until then no search may use it. */
  readonly indexing?: IndexingProgress;
}

/** Counts of resources of the type. */
export interface IndexingProgress {
  readonly done: number;
  readonly total: number;
}
