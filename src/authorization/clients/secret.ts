/**
 * Client secrets: made here, shown once, kept as a hash.
 * https://www.rfc-editor.org/rfc/rfc7914
 *
 *   scrypt $ N $ salt $ hash                base64url; r = 8, p = 1
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const COST = 16_384;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const SECRET_BYTES = 32;
/** What we make has 43 characters; more is not looked at. */
const LONGEST = 256;

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(secret, salt, COST);
  return ['scrypt', COST, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

export async function isSecretOf(secret: string, stored: string): Promise<boolean> {
  const [method, cost, salt = '', hash = ''] = stored.split('$');
  if (method !== 'scrypt' || secret.length > LONGEST) return false;
  const derived = await derive(secret, Buffer.from(salt, 'base64url'), Number(cost));
  const expected = Buffer.from(hash, 'base64url');
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

function derive(secret: string, salt: Buffer, cost: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, { N: cost }, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
