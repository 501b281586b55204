/**
 * UUIDv7 (RFC 9562, section 5.7): time-ordered, so that new rows append to the id index.
 * Randomness and time arrive as arguments; base/ does no I/O.
 */
import type { Clock } from './clock.js';

export type NewId = () => string;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A generator of UUIDv7 in their canonical lower-case text. `random` fills a fresh array of 10 bytes. */
export function uuidV7(clock: Clock, random: () => Uint8Array): NewId {
  return () => {
    const time = clock.now();
    const bytes = random();
    const hex = (index: number): string => HEX[bytes[index] ?? 0] as string; // a table of 256 has every byte
    const stamp = time.toString(16).padStart(12, '0');
    const version = HEX[0x70 | ((bytes[0] ?? 0) & 0x0f)] as string; // as above
    const variant = HEX[0x80 | ((bytes[2] ?? 0) & 0x3f)] as string; // as above
    return (
      `${stamp.slice(0, 8)}-${stamp.slice(8)}-${version}${hex(1)}-${variant}${hex(3)}-` +
      `${hex(4)}${hex(5)}${hex(6)}${hex(7)}${hex(8)}${hex(9)}`
    );
  };
}
