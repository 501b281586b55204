/**
 * Tokens sealed with a key that lives in the store: AES-256-GCM, the purpose as additional authenticated data.
 * https://csrc.nist.gov/pubs/sp/800/38/d/final
 *
 *   token = base64url( nonce 12 bytes ‖ tag 16 bytes ‖ ciphertext )
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { assert } from '../../base/assert.js';
import type { Sealer } from '../../ports/sealer.js';
import type { Connection } from './connection.js';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NONCES_DRAWN = 256;

/** Makes the key once; the store's other processes find it. */
export function makeSealingKey(connection: Connection): void {
  connection.run(
    "INSERT OR IGNORE INTO setting(name, value) VALUES ('sealing_key', ?)",
    randomBytes(KEY_BYTES),
  );
}

export function sqliteSealer(connection: Connection): Sealer {
  const [key] = connection.get<[Buffer]>("SELECT value FROM setting WHERE name = 'sealing_key'") ?? [];
  assert(key !== undefined && key.length === KEY_BYTES, 'the store has its sealing key');
  const nextNonce = nonces();
  return {
    seal: (purpose, payload) => {
      const nonce = nextNonce();
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(purpose));
      const text = Buffer.concat([cipher.update(payload, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },
    open: (purpose, token) => {
      const bytes = Buffer.from(token, 'base64url');
      // Decoding is lenient; a token is only ever the text that we wrote.
      if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== token) return undefined;
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
        return Buffer.concat([text, decipher.final()]).toString('utf8');
      } catch {
        return undefined; // not ours, changed, or made for another purpose
      }
    },
  };
}

/** Random nonces, each given once; many are drawn at a time, for a draw costs more than a seal. */
function nonces(): () => Buffer {
  let drawn: Buffer = Buffer.alloc(0);
  let at = 0;
  return () => {
    if (at === drawn.length) {
      drawn = randomBytes(NONCE_BYTES * NONCES_DRAWN);
      at = 0;
    }
    at += NONCE_BYTES;
    return drawn.subarray(at - NONCE_BYTES, at);
  };
}
