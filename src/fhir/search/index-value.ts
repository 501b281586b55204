/**
 * The values by which a resource can be found: what extraction makes of a resource, what stores index, what
 * `match` tests. One vocabulary for all of them.
 * https://hl7.org/fhir/R4/search.html#ptypes
 *
 * Invariant: a pure function of (definitions, resource). `param` is the parameter's code; pseudo-parameters carry
 * a prefix or suffix that no code can have:
 *   `@Patient`              membership in the compartment of that name (target = the compartment's resource)
 *   `@SecurityContext`      what a Binary belongs to: who may read that may read the Binary
 *   `@Self`                 of a Patient: itself, whatever version this is
 *   `@ConsentOf`            of a Consent that denies something: its patient; `@Denies`, `@DeniesUnless`, `@Permits`: what, to
 *                           whom (consent-values.ts)
 *   `subject:identifier`    Reference.identifier, a token
 *   `identifier:of-type`    Identifier with its type: a token whose system is `typeSystem typeCode`
 *   `code:text`             the words that stand with a code
 *   `@contains`             the contained resources of a resource, `@container` what contains a contained one (contained.ts)
 * Labels (`_security`), tags and profiles are values like others.
 */
export type IndexValue =
  | TokenValue
  | TextValue
  | StringValue
  | DateValue
  | NumberValue
  | QuantityValue
  | ReferenceValue
  | UriValue
  | PositionValue
  | WordsValue
  | CompositeValue
  | ContainedValue;

/** Pseudo-parameters that only access filters ask for. */
export const SECURITY_CONTEXT = '@SecurityContext';
export const SELF = '@Self';
export const CONSENT_OF = '@ConsentOf';
export const DENIES = '@Denies';
export const DENIES_UNLESS = '@DeniesUnless';
export const PERMITS = '@Permits';

export interface TokenValue {
  readonly kind: 'token';
  readonly param: string;
  /** '' = the value has no system. */
  readonly system: string;
  /** Folded where case does not matter (token-code.ts), identifiers are kept exact; '' = a system alone. */
  readonly code: string;
}

/** A display or a text of a code: words, of which the same few come again and again. */
export interface TextValue {
  readonly kind: 'text';
  readonly param: string;
  readonly folded: string;
}

export interface StringValue {
  readonly kind: 'string';
  readonly param: string;
  /** As it stands in the resource, for `:exact`. */
  readonly exact: string;
  /** `foldString(exact)`: lower case, no accents, white space collapsed. */
  readonly folded: string;
}

export interface DateValue {
  readonly kind: 'date';
  readonly param: string;
  /** First and last millisecond (both inclusive) since 1970 UTC; open ends are ±OPEN_END. */
  readonly lo: number;
  readonly hi: number;
}

export interface NumberValue {
  readonly kind: 'number';
  readonly param: string;
  /** lo = hi for a decimal; a Range has two, so has a quantity with a comparator; open ends are ±Infinity. */
  readonly lo: number;
  readonly hi: number;
}

export interface QuantityValue {
  readonly kind: 'quantity';
  readonly param: string;
  readonly lo: number;
  readonly hi: number;
  /** '' where absent. */
  readonly system: string;
  readonly code: string;
  readonly unit: string;
  /** In base units, where the unit is of UCUM and known. */
  readonly canonical?: { readonly base: string; readonly lo: number; readonly hi: number };
}

export interface ReferenceValue {
  readonly kind: 'reference';
  readonly param: string;
  readonly target: ReferenceTarget;
}

/**
 * `local`: Type/id in this store (absolute URLs under our own base are made local before they are stored).
 * `url`: an absolute URL or canonical (without its version).
 */
export type ReferenceTarget =
  | { readonly kind: 'local'; readonly type: string; readonly id: string; readonly version?: string }
  | { readonly kind: 'url'; readonly url: string; readonly version?: string };

export interface UriValue {
  readonly kind: 'uri';
  readonly param: string;
  readonly value: string;
}

/** WGS 84, decimal degrees. */
export interface PositionValue {
  readonly kind: 'position';
  readonly param: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** Of `_text` and `_content`: made from the whole resource by words.ts where a search asks for them, never by the indexer. */
export interface WordsValue {
  readonly kind: 'words';
  readonly param: string;
  readonly words: string;
}

/** One occurrence of a composite's root; each component may have several values, any of which can match. */
export interface CompositeValue {
  readonly kind: 'composite';
  readonly param: string;
  /** In the order of SearchParameter.components; their `param` is ''. */
  readonly components: readonly (readonly IndexValue[])[];
}

/** A contained resource with all by which it can be found; the resource that contains it carries it along. */
export interface ContainedValue {
  readonly kind: 'contained';
  readonly param: '@contained';
  /** Its identity, see contained.ts. */
  readonly type: string;
  readonly id: string;
  /** None of them is again contained. */
  readonly values: readonly IndexValue[];
}

/** The last millisecond that a JavaScript date can hold: stands for "no end". */
export const OPEN_END = 8_640_000_000_000_000;
