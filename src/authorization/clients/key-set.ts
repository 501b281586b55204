/**
 * The public keys of a client that signs its assertions.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
 *
 * Invariant: what is kept holds no private part, and each key says by `kid` which one it is.
 */
import type { JSONWebKeySet, JWK } from 'jose';

/** The signatures that are accepted: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html */
export const ASSERTION_ALGORITHMS = ['RS384', 'ES384'] as const;

const PRIVATE_PARTS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const;
const SMALLEST_MODULUS_BITS = 2048;

export type KeySetResult =
  | { readonly keys: JSONWebKeySet; readonly problems: readonly [] }
  | { readonly keys: undefined; readonly problems: readonly string[] };

/** Reads the text of a JWKS. */
export function readKeySet(text: string): KeySetResult {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return failed('The key set is not JSON.');
  }
  const keys = isObject(parsed) ? parsed.keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isObject)) {
    return failed('The key set must be {"keys": [...]} with at least one key in it.');
  }
  const problems = keys.flatMap((key, index) => keyProblems(key, `Key ${index + 1}`));
  const kids = keys.map(({ kid }) => kid);
  if (new Set(kids).size !== kids.length) problems.push('Two keys of the set have the same kid.');
  return problems.length > 0
    ? { keys: undefined, problems }
    : { keys: { keys: keys as JWK[] }, problems: [] }; // each was looked at
}

function keyProblems(key: Record<string, unknown>, name: string): string[] {
  const problems: string[] = [];
  if (typeof key.kid !== 'string' || key.kid === '') problems.push(`${name} has no kid.`);
  if (PRIVATE_PARTS.some((part) => part in key)) {
    problems.push(`${name} holds private parts: register public keys alone, and make a new pair.`);
  }
  if (!isUsable(key)) {
    problems.push(
      `${name} cannot be used: RSA keys (RS384) of 2048 bits or more and P-384 keys (ES384) can.`,
    );
  }
  return problems;
}

function isUsable({ kty, alg, use, n, e, crv, x, y }: Record<string, unknown>): boolean {
  if (use !== undefined && use !== 'sig') return false;
  if (kty === 'RSA') {
    if (typeof n !== 'string' || typeof e !== 'string') return false;
    return (alg === undefined || alg === 'RS384') && modulusBits(n) >= SMALLEST_MODULUS_BITS;
  }
  if (kty !== 'EC' || crv !== 'P-384' || typeof x !== 'string' || typeof y !== 'string') return false;
  return alg === undefined || alg === 'ES384';
}

function modulusBits(n: string): number {
  return Buffer.from(n, 'base64url').length * 8;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failed(problem: string): KeySetResult {
  return { keys: undefined, problems: [problem] };
}
