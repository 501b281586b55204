/**
 * Secrets of clients and passwords of people, kept as hashes. A client's secret is made here and shown once.
 * https://www.rfc-editor.org/rfc/rfc7914
 *
 *   scrypt $ N $ p $ salt $ hash                base64url; r = 8
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

export interface HashCost {
  /** scrypt's N: so many KiB are needed. */
  readonly memory: number;
  /** scrypt's p. */
  readonly rounds: number;
}

/** A secret that we made cannot be guessed, a password may be: its hash costs 32 MiB and three rounds. */
export const SECRET_COST: HashCost = { memory: 16_384, rounds: 1 };
export const PASSWORD_COST: HashCost = { memory: 32_768, rounds: 3 };
const MAX_MEMORY = 64 * 1024 * 1024;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const SECRET_BYTES = 32;
/** More is not looked at. */
const LONGEST = 256;

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

export async function hashSecret(secret: string, { memory, rounds }: HashCost): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(secret, salt, { memory, rounds });
  return ['scrypt', memory, rounds, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

export async function isSecretOf(secret: string, stored: string): Promise<boolean> {
  const [method, memory, rounds, salt = '', hash = ''] = stored.split('$');
  if (method !== 'scrypt' || secret.length > LONGEST) return false;
  const cost = { memory: Number(memory), rounds: Number(rounds) };
  const derived = await derive(secret, Buffer.from(salt, 'base64url'), cost);
  const expected = Buffer.from(hash, 'base64url');
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

function derive(secret: string, salt: Buffer, { memory, rounds }: HashCost): Promise<Buffer> {
  const options = { N: memory, p: rounds, maxmem: MAX_MEMORY };
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
