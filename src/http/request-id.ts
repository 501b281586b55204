/**
 * The id that ties an answer to its line in the log: the client's own (X-Request-Id), or one that we make.
 *
 * Invariant: what reaches the log and the answer has only letters, digits and `.-_:`, at most 64 of them.
 */
import { randomBytes } from 'node:crypto';

const SOUND = /^[A-Za-z0-9._:-]{1,64}$/;

export type RequestIds = (sent: string | undefined) => string;

/** Ids of ours are unique among processes by their beginning, in a process by their count. */
export function requestIds(): RequestIds {
  const beginning = randomBytes(6).toString('hex');
  let count = 0;
  return (sent) => {
    if (sent !== undefined && SOUND.test(sent)) return sent;
    count += 1;
    return `${beginning}-${count.toString(36)}`;
  };
}
