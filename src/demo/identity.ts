/**
 * Who is who without keeping a list: ids, numbers and addresses are computed from (seed, what, index).
 *
 * Invariant: the id of a thing depends on the seed and on which thing it is, never on the size of the population.
 */
import type { JsonObject } from '../fhir/format/json.js';
import { SYSTEM } from './concepts.js';
import { Random } from './random.js';

/** Streams of random numbers; the order is part of what a seed means, so new ones go to the end. */
export const STREAM = {
  life: 0,
  ids: 1,
  siteChoice: 2,
  organization: 3,
  endpoint: 4,
  clinic: 5,
  hospital: 6,
  practitioner: 7,
  role: 8,
  schedule: 9,
  slot: 10,
  group: 11,
  payer: 12,
  laboratory: 13,
  medication: 14,
  staffChoice: 15,
} as const;

export type Stream = (typeof STREAM)[keyof typeof STREAM];

export function stableId(seed: number, stream: Stream, index: number): string {
  return new Random(seed, index, stream).uuid();
}

export function reference(type: string, id: string, display?: string): JsonObject {
  return display === undefined ? { reference: `${type}/${id}` } : { reference: `${type}/${id}`, display };
}

/** A National Provider Identifier: ten digits whose last is a Luhn check over the prefix 80840. */
export function npi(number: number): JsonObject {
  const nine = String(100_000_000 + (number % 100_000_000));
  return { system: SYSTEM.npi, value: nine + luhnCheckDigit(`80840${nine}`) };
}

/** Numbers of the block that is set aside for fiction (555-0100 to 555-0199). */
export function phone(number: number): string {
  const area = 200 + (number % 700);
  return `+1-${area}-555-01${String(Math.floor(number / 700) % 100).padStart(2, '0')}`;
}

function luhnCheckDigit(digits: string): number {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const doubled = place % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return (10 - (sum % 10)) % 10;
}
