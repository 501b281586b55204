/**
 * Secrets of clients and passwords of people, kept as hashes. A client's secret is made here and shown once.
 * https://www.rfc-editor.org/rfc/rfc7914
 *
 *   scrypt $ N $ p $ salt $ hash                base64url; r = 8
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** N and p. A secret that we made cannot be guessed, a password may be: its hash costs 32 MiB and three rounds. */
const COSTS = { secret: [16_384, 1], password: [32_768, 3] } as const;
const MAX_MEMORY = 64 * 1024 * 1024;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const SECRET_BYTES = 32;
/** More is not looked at. */
const LONGEST = 256;

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

export async function hashSecret(secret: string, kind: keyof typeof COSTS = 'secret'): Promise<string> {
  const [cost, rounds] = COSTS[kind];
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(secret, salt, cost, rounds);
  return ['scrypt', cost, rounds, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

export async function isSecretOf(secret: string, stored: string): Promise<boolean> {
  const [method, cost, rounds, salt = '', hash = ''] = stored.split('$');
  if (method !== 'scrypt' || secret.length > LONGEST) return false;
  const derived = await derive(secret, Buffer.from(salt, 'base64url'), Number(cost), Number(rounds));
  const expected = Buffer.from(hash, 'base64url');
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

function derive(secret: string, salt: Buffer, cost: number, rounds: number): Promise<Buffer> {
  const options = { N: cost, p: rounds, maxmem: MAX_MEMORY };
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
