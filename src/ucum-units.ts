/**
 * UCUM units by the library of the U.S. National Library of Medicine, which is loaded when the first unit is asked for: a
 * server that starts has no use for it yet.
 * https://ucum.org/ucum
 */
import { createRequire } from 'node:module';
import type { CanonicalUnit, Units } from './fhir/search/units.js';

/** The part of the library that is used: an amount in a unit as one in base units. */
interface Library {
  convertToBaseUnits(
    code: string,
    amount: number,
  ): {
    readonly status: 'succeeded' | 'failed' | 'invalid' | 'error';
    readonly magnitude: number;
    readonly unitToExp: Readonly<Record<string, number>>;
  };
}

/** Codes come from clients too. */
const REMEMBERED = 10_000;
const MAX_LENGTH = 100;

export function ucumUnits(): Units {
  const known = new Map<string, CanonicalUnit | undefined>();
  let library: Library | undefined;
  return (code) => {
    if (known.has(code)) return known.get(code);
    library ??= load();
    const unit = code === '' || code.length > MAX_LENGTH ? undefined : canonicalUnit(library, code);
    if (known.size >= REMEMBERED) known.clear();
    known.set(code, unit);
    return unit;
  };
}

function load(): Library {
  const module = createRequire(import.meta.url)('@lhncbc/ucum-lhc');
  return module.UcumLhcUtils.getInstance();
}

/** A scale that is a straight line is known by two of its points; a third tells whether it is one. */
function canonicalUnit(library: Library, code: string): CanonicalUnit | undefined {
  const [zero, one, ten] = [0, 1, 10].map((amount) => library.convertToBaseUnits(code, amount));
  if (zero?.status !== 'succeeded' || one?.status !== 'succeeded' || ten?.status !== 'succeeded') {
    return undefined;
  }
  const offset = zero.magnitude;
  const factor = one.magnitude - offset;
  const isStraight = Math.abs(ten.magnitude - (10 * factor + offset)) <= 1e-9 * Math.abs(ten.magnitude);
  if (!isStraight || !Number.isFinite(factor) || factor === 0) return undefined;
  return { base: baseName(one.unitToExp), factor: offset === 0 ? one.magnitude : factor, offset };
}

function baseName(exponents: Readonly<Record<string, number>>): string {
  const units = Object.entries(exponents).filter(([, exponent]) => exponent !== 0);
  if (units.length === 0) return '1';
  return units
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([unit, exponent]) => (exponent === 1 ? unit : `${unit}${exponent}`))
    .join('.');
}
