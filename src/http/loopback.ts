/**
 * Names and addresses that only this machine answers to.
 * https://www.rfc-editor.org/rfc/rfc6761#section-6.3 (localhost), https://www.rfc-editor.org/rfc/rfc5735 (127.0.0.0/8)
 *
 * Invariant: a name that any name server could give another address is not loopback.
 */
import { isIPv4 } from 'node:net';

/** A host without port; an IPv6 address with or without its brackets. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (name === '::1' || name === '[::1]') return true;
  return name.startsWith('127.') && isIPv4(name);
}
