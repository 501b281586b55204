/**
 * What a measure is: a LOINC code, a UCUM unit, how healthy adults spread, and the range that a laboratory prints.
 * https://loinc.org, https://ucum.org
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, quantity, SYSTEM } from '../concepts.js';

export interface Measure {
  readonly code: JsonObject;
  readonly unit: string;
  readonly ucum: string;
  readonly digits: number;
  /** What healthy people have, and the spread between people; a person's own values move by a third of it. */
  readonly mean: number;
  readonly spread: number;
  /** Values outside of this cannot be. */
  readonly floor: number;
  readonly ceiling: number;
  /** Hardly moves from day to day. */
  readonly steady?: boolean;
  /** As a laboratory prints it beside the result. */
  readonly low?: number;
  readonly high?: number;
  readonly referenceRange?: JsonObject;
}

export type Row = readonly [
  loinc: string,
  display: string,
  unit: string,
  ucum: string,
  digits: number,
  mean: number,
  spread: number,
  floor: number,
  ceiling: number,
  low?: number | undefined,
  high?: number | undefined,
];

export function measure(row: Row, code: JsonObject = concept(SYSTEM.loinc, row[0], row[1])): Measure {
  const [, , unit, ucum, digits, mean, spread, floor, ceiling, low, high] = row;
  return {
    code,
    unit,
    ucum,
    digits,
    mean,
    spread,
    floor,
    ceiling,
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    ...(low === undefined && high === undefined
      ? {}
      : {
          referenceRange: Object.freeze({
            ...(low === undefined ? {} : { low: quantity(low, unit, ucum) }),
            ...(high === undefined ? {} : { high: quantity(high, unit, ucum) }),
          }),
        }),
  };
}

export function steady(row: Row): Measure {
  return { ...measure(row), steady: true };
}
