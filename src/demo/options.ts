/** What a population is made from. All dates count back from `now`, so that the same options give the same bytes. */
export interface PopulationOptions {
  /** A safe integer, 0 or more. */
  readonly seed: number;
  readonly patients: number;
  /** Index of the first patient: a big population can be made in parts. Default 0. */
  readonly start?: number;
  /** The day on which the population is looked at, milliseconds since 1970. Default 2026-01-01. */
  readonly now?: number;
  /** How many years of records a patient has, at least and at most. Default 1 to 5. */
  readonly years?: { readonly lo: number; readonly hi: number };
}

export const DEFAULT_NOW = Date.UTC(2026, 0, 1);
export const DEFAULT_YEARS = { lo: 1, hi: 5 };
