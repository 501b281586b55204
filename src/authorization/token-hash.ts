/**
 * The name under which a token, a code or a session is kept: who reads the store learns nothing that opens anything.
 * Their values are random (256 bits), so a plain hash is enough.
 */
import { createHash } from 'node:crypto';

export function tokenHash(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
