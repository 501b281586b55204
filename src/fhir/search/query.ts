/**
 * The query tree: a FHIR search, typed and storage-neutral. Parsing makes it, stores compile it, the facade splits
 * it, access adds to it, `match` evaluates it in memory and is the reference for all of them.
 * https://hl7.org/fhir/R4/search.html
 *
 * Invariant: plain, immutable, JSON-serialisable data (it travels to reader processes and into cursors). What a
 * predicate means depends on the resource type that it stands under, so each type has its own tree.
 *
 *   SearchQuery ── parts ──▶ { type, where: Predicate }      Predicate ── and/or/not ──▶ … ──▶ value(param, test)
 *                                                                      └─ chain/has ───▶ a tree on another type
 */
export interface SearchQuery {
  /** One part per resource type, in the order asked for; a search on one type has one. */
  readonly parts: readonly QueryPart[];
  /** Empty = the store's natural order, which is stable over pages. */
  readonly sort: readonly SortKey[];
}

export interface QueryPart {
  /** A resource type; `#Medication` are Medications that are contained in other resources (contained.ts). */
  readonly type: string;
  readonly where: Predicate;
}

export interface SortKey {
  /** A parameter's code, `_id` or `_lastUpdated`. */
  readonly param: string;
  readonly kind: 'token' | 'string' | 'date' | 'number' | 'quantity' | 'reference' | 'uri';
  readonly descending: boolean;
}

export type Predicate =
  | { readonly op: 'everything' }
  | { readonly op: 'nothing' }
  | { readonly op: 'and'; readonly of: readonly Predicate[] }
  | { readonly op: 'or'; readonly of: readonly Predicate[] }
  /** True for resources for which the inner predicate is not true (so also where the element is absent). */
  | { readonly op: 'not'; readonly of: Predicate }
  | { readonly op: 'id'; readonly ids: readonly string[] }
  /** The version's commit time; milliseconds, same meaning as a date test on a one-instant range. */
  | { readonly op: 'last-updated'; readonly test: DateTest }
  /** Some value of the parameter passes the test. */
  | { readonly op: 'value'; readonly param: string; readonly test: ValueTest }
  /** The resource has no value at all for the parameter. */
  | { readonly op: 'absent'; readonly param: string }
  /**
   * Some local reference of the parameter leads to a resource of one of the parts, stored or contained in this one, which
   * passes its tree.
   */
  | { readonly op: 'chain'; readonly param: string; readonly targets: readonly QueryPart[] }
  /** Some resource of `source.type` refers here by `param` and passes its tree. */
  | { readonly op: 'has'; readonly param: string; readonly source: QueryPart }
  /** Member of the compartment (`Patient`, id), as CompartmentDefinition says. */
  | { readonly op: 'compartment'; readonly name: string; readonly id: string }
  /**
   * Some value of the parameter is in the set. Parsing knows the set by name alone: `resolveQuery` (interactions/) puts
   * its members here before a store is asked, so that stores and `match` never meet this node.
   */
  | { readonly op: 'named-set'; readonly param: string; readonly set: NamedSet };

export type NamedSet =
  /** `:in`: canonical (`url`, `url|version`), or `ValueSet/id` of this server. */
  | { readonly kind: 'value-set'; readonly valueSet: string }
  /** `:above`, `:below` on a token: the code and its ancestors or descendants in its code system. */
  | {
      readonly kind: 'concepts';
      readonly direction: Direction;
      readonly system: string;
      readonly code: string;
    }
  /** `:above`, `:below` on a reference: the resource, and what it is part of or what is part of it, by `via`. */
  | {
      readonly kind: 'hierarchy';
      readonly direction: Direction;
      readonly type: string;
      readonly id: string;
      readonly via: readonly string[];
    };

export type Direction = 'above' | 'below';

export type ValueTest =
  | TokenTest
  | TextTest
  | TokenSetTest
  | StringTest
  | DateTest
  | NumberTest
  | QuantityTest
  | ReferenceTest
  | ReferenceSetTest
  | UriTest
  | PositionTest
  | WordsTest
  | OtherTest
  | CompositeTest;

/** `system` undefined = any, '' = none; `code` undefined = any (`system|`). Codes are folded as values are. */
export interface TokenTest {
  readonly kind: 'token';
  readonly system?: string;
  readonly code?: string;
}

/** The words that stand with a code begin with `value`, which is folded. */
export interface TextTest {
  readonly kind: 'text';
  readonly value: string;
}

/** One of these codes, in its system ('' = none); each as index values have it. */
export interface TokenSetTest {
  readonly kind: 'token-set';
  readonly members: readonly { readonly system: string; readonly codes: readonly string[] }[];
}

/** `exact`: compared with exact. All others: value is folded, compared with folded; `gt` … `le` by code points. */
export interface StringTest {
  readonly kind: 'string';
  readonly mode: 'starts' | 'contains' | 'ends' | 'exact' | 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le';
  readonly value: string;
}

/** https://hl7.org/fhir/R4/search.html#prefix; `ap` is widened by the parser and arrives as `overlaps`. */
export type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'overlaps' | 'includes';

/**
 * lo..hi: the range of the search value, both ends inclusive. With a resource value v:
 * eq  lo ≤ v.lo and v.hi ≤ hi · ne  not eq · gt  v.hi > hi · lt  v.lo < lo · ge  v.hi ≥ lo · le  v.lo ≤ hi
 * sa  v.lo > hi · eb  v.hi < lo · overlaps  v.lo ≤ hi and v.hi ≥ lo · includes  v.lo ≤ lo and v.hi ≥ hi
 */
export interface DateTest {
  readonly kind: 'date';
  readonly prefix: Prefix;
  readonly lo: number;
  readonly hi: number;
}

/**
 * eq, ne, overlaps: the implicit-precision range of the search value, `lo ≤ v < hi` (half-open; `100` is
 * [99.5, 100.5)); v is contained when lo ≤ v.lo and v.hi < hi (overlaps: v.lo < hi and v.hi ≥ lo).
 * includes: as on dates. gt, lt, ge, le, sa, eb: precision is ignored, lo = hi = the number itself:
 * gt  v.hi > lo · lt  v.lo < lo · ge  v.hi ≥ lo · le  v.lo ≤ lo · sa  v.lo > lo · eb  v.hi < lo
 */
export interface NumberTest {
  readonly kind: 'number';
  readonly prefix: Prefix;
  readonly lo: number;
  readonly hi: number;
}

/**
 * As NumberTest, on quantities. `code` undefined = any unit. With `system` undefined (`5.4||mg`) code matches
 * the quantity's code or its unit; otherwise system and code are compared exactly.
 */
export interface QuantityTest {
  readonly kind: 'quantity';
  readonly prefix: Prefix;
  readonly lo: number;
  readonly hi: number;
  readonly system?: string;
  readonly code?: string;
  /** Where the unit is known: the same range in base units, which alone is compared then, with values in the same base. */
  readonly canonical?: { readonly base: string; readonly lo: number; readonly hi: number };
}

/**
 * `local` with `type` absent: any of the parameter's target types (`subject=123`); `types` lists them, empty = any.
 * `url` with version absent matches any version; `versions` below: that version or one that goes on behind a dot of
 * it (1 → 1.2), above: the reverse. It stands only with a version.
 */
export interface ReferenceTest {
  readonly kind: 'reference';
  readonly target:
    | {
        readonly kind: 'local';
        readonly types: readonly string[];
        readonly id: string;
        readonly version?: string;
      }
    | {
        readonly kind: 'url';
        readonly url: string;
        readonly version?: string;
        readonly versions?: 'below' | 'above';
      };
}

/** One of these resources of one type, in whichever version. */
export interface ReferenceSetTest {
  readonly kind: 'reference-set';
  readonly type: string;
  readonly ids: readonly string[];
}

/** `below`: equal or a path-prefix child; `above`: equal or a path-prefix parent. */
export interface UriTest {
  readonly kind: 'uri';
  readonly mode: 'exact' | 'below' | 'above';
  readonly value: string;
}

/** Within `kilometres` of the place, along the surface of a sphere of the Earth's mean radius. */
export interface PositionTest {
  readonly kind: 'position';
  readonly latitude: number;
  readonly longitude: number;
  readonly kilometres: number;
}

/** All phrases occur. */
export interface WordsTest {
  readonly kind: 'words';
  readonly phrases: readonly Phrase[];
}

/** Folded words joined by blanks; `begins`: the last one may go on. */
export interface Phrase {
  readonly words: string;
  readonly begins: boolean;
}

/** Passes for a value of the parameter that passes none of these. */
export interface OtherTest {
  readonly kind: 'other';
  readonly than: readonly (TokenTest | UriTest)[];
}

export interface CompositeTest {
  readonly kind: 'composite';
  /** One per component, in order; never composite themselves. */
  readonly components: readonly Exclude<ValueTest, CompositeTest>[];
}

/** `_include` (forward) and `_revinclude` (reverse). https://hl7.org/fhir/R4/search.html#include */
export interface Include {
  readonly direction: 'forward' | 'reverse';
  /** The type that holds the reference. */
  readonly source: string;
  /** The reference parameter's code, or `*`. */
  readonly param: string;
  /** Only references to this type. */
  readonly target?: string;
  /** Applied to included resources too. */
  readonly iterate: boolean;
}
