/**
 * The key that private keys are encrypted with before they go into the store. It lies outside of the store: a copy of the
 * store alone (a backup, a stolen file) signs nothing.
 *
 * Invariant: made once, readable by its owner alone; a file that others may read is refused, not used.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const KEY_BYTES = 32;
const OTHERS = 0o077;

export interface SealingKeyPlace {
  /** From the configuration; outweighs the file. */
  readonly secret: string | undefined;
  readonly file: string;
}

export function sealingKey({ secret, file }: SealingKeyPlace): Uint8Array {
  if (secret !== undefined) {
    return new Uint8Array(hkdfSync('sha256', secret, '', 'fairway private keys', KEY_BYTES));
  }
  const there = readKey(file);
  if (there !== undefined) return there;
  makeKey(file);
  return sealingKey({ secret, file });
}

/** The key that cookies are signed with: the same in every process, and no secret more to keep. */
export function cookieKey(sealing: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', sealing, '', 'fairway cookies', KEY_BYTES)).toString('base64url');
}

function readKey(file: string): Uint8Array | undefined {
  let text: string;
  try {
    if (process.platform !== 'win32' && (statSync(file).mode & OTHERS) !== 0) {
      throw new Error(`${file} may be read by others: make it yours alone (chmod 600).`);
    }
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const key = Buffer.from(text, 'base64url');
  if (key.length === KEY_BYTES) return key;
  throw new Error(`${file} holds no key: put back the file that was there, see the README on keys.`);
}

/** A link appears whole or not at all, and never in the place of another process's key. */
function makeKey(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${randomBytes(KEY_BYTES).toString('base64url')}\n`, { mode: 0o600 });
  try {
    linkSync(own, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(own);
  }
}
