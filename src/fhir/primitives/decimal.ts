/**
 * What a decimal in a search means: all numbers that round to it at its precision.
 * https://hl7.org/fhir/R4/search.html#number
 *
 *   100 ──▶ [99.5, 100.5)      100.00 ──▶ [99.995, 100.005)      1e2 ──▶ [50, 150)
 *
 * Invariant: bounds are computed on the digits, exactly, and only then become the nearest doubles.
 */
export interface NumberRange {
  /** Inclusive. */
  readonly lo: number;
  /** Exclusive. */
  readonly hi: number;
  /** The number itself. */
  readonly value: number;
}

const DECIMAL = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** FHIR asks for 18 digits; longer texts only cost time. */
const MAX_LENGTH = 400;

/** Do two literals stand for the same number (`1.0`, `1`, `10e-1`)? Compared by their digits; longer texts only as they are. */
export function sameNumber(left: string, right: string): boolean {
  return left === right || normalForm(left) === normalForm(right);
}

/** Digits without zeros at either end, and the power of ten of the last one. */
function normalForm(literal: string): string {
  const parts = literal.length > MAX_LENGTH ? null : DECIMAL.exec(literal);
  if (parts === null) return literal;
  const fraction = parts[3] ?? '';
  const digits = `${parts[2]}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const exponent =
    BigInt(parts[4] ?? 0) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${parts[1]}${significant}e${exponent}`;
}

/** mantissa × 10^exponent; `half` a unit of the last digit = 5 × 10^(exponent − 1). */
interface Decimal {
  readonly mantissa: bigint;
  readonly exponent: number;
  readonly value: number;
}

/** The numbers that round to the literal; undefined where it is no decimal or too large for a double. */
export function implicitRange(literal: string): NumberRange | undefined {
  const decimal = parseDecimal(literal);
  if (decimal === undefined) return undefined;
  const tenfold = decimal.mantissa * 10n;
  return finite(decimal, tenfold - 5n, tenfold + 5n);
}

/** `ap`: ten per cent to both sides, and never less than what rounds to the literal. */
export function approximateRange(literal: string): NumberRange | undefined {
  const decimal = parseDecimal(literal);
  if (decimal === undefined) return undefined;
  const { mantissa } = decimal;
  const size = mantissa < 0n ? -mantissa : mantissa;
  const margin = size > 5n ? size : 5n;
  return finite(decimal, mantissa * 10n - margin, mantissa * 10n + margin);
}

function parseDecimal(literal: string): Decimal | undefined {
  if (literal.length > MAX_LENGTH) return undefined;
  const parts = DECIMAL.exec(literal);
  if (parts === null) return undefined;
  const fraction = parts[3] ?? '';
  return {
    mantissa: BigInt(`${parts[1]}${parts[2]}${fraction}`),
    exponent: Number(parts[4] ?? 0) - fraction.length,
    value: Number(literal),
  };
}

/** The bounds come in tenths of the decimal's last digit. */
function finite({ exponent, value }: Decimal, lo: bigint, hi: bigint): NumberRange | undefined {
  const range = { lo: Number(`${lo}e${exponent - 1}`), hi: Number(`${hi}e${exponent - 1}`), value };
  return Object.values(range).every(Number.isFinite) ? range : undefined;
}
