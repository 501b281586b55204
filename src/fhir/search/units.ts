/**
 * UCUM units: how an amount in a unit becomes one in base units, so that 5.4 mg and 0.0054 g are the same.
 * https://ucum.org/ucum, https://hl7.org/fhir/R4/search.html#quantity
 *
 * Invariant: index values and searches convert by this one function, so equal amounts stay equal; a unit that is not known,
 * or whose scale is no straight line (pH), has no canonical form and is compared as written.
 */
export interface CanonicalUnit {
  /** Of the base units: equal for all units of one dimension; '1' where there is none. */
  readonly base: string;
  /** amount in base units = amount × factor + offset */
  readonly factor: number;
  readonly offset: number;
}

/** By UCUM code, case-sensitive; undefined = none. Pure, and quick for codes asked for before. */
export type Units = (code: string) => CanonicalUnit | undefined;

export const NO_UNITS: Units = () => undefined;

/** What conversion adds in digits is rounding, and no measurement has so many. */
const DIGITS = 12;

export function canonicalAmount(amount: number, { factor, offset }: CanonicalUnit): number {
  return Number.isFinite(amount) ? Number((amount * factor + offset).toPrecision(DIGITS)) : amount;
}
