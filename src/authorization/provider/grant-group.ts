/** The group of all records that one grant led to: they end together. */
import { tokenHash } from '../token-hash.js';

export function groupOf(grantId: string): string {
  return `grant ${tokenHash(grantId)}`;
}
