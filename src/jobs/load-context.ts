/**
 * What the interactions are given while a file is loaded: ids that are the same whenever the same state of the same file
 * is loaded, and a backend that tells when a commit is handed over.
 *
 * Invariant: a transaction that went in before an interruption is not stored a second time: the first resource that it
 * would create is there already.
 */
import { createHash } from 'node:crypto';
import { type NewId, uuidV7 } from '../base/ids.js';
import type { Context } from '../interactions/context.js';
import type { Commit } from '../ports/backend.js';
import { committingBy } from './committing-by.js';
import type { LoadTarget } from './load.js';
import type { LoadFile } from './load-inputs.js';

/** Thrown by the watched backend: all of this was committed by a run that ended before it could note so. */
export class AlreadyStored extends Error {
  override readonly name = 'AlreadyStored';
}

/** For one document of a file. `onHandedOver`: its commit is on its way to the writer. */
export function documentContext(target: LoadTarget, newId: NewId, onHandedOver: () => void): Context {
  return {
    ...target.context,
    knowledge: target.context.knowledge.latest(),
    newId,
    backend: committingBy(target.context.backend, async (commit) => {
      await refuseSecondTime(commit, target);
      onHandedOver();
      return target.context.backend.commit(commit);
    }),
  };
}

async function refuseSecondTime({ writes }: Commit, { context }: LoadTarget): Promise<void> {
  const first = writes.find((write) => write.kind === 'put' && write.method === 'POST');
  if (first === undefined) return;
  const found = await context.backend.read({ type: first.type, id: first.id }, context.access.read);
  if (found.kind !== 'absent') throw new AlreadyStored();
}

/**
 * UUIDv7 that follow from a file's state, a line in it and a count: their time is that of the file, so that neighbours in
 * a file are neighbours in the store. `salt` makes them others.
 */
export function documentIds(
  file: Pick<LoadFile, 'fingerprint' | 'changed'>,
  line: number,
  salt: string,
): NewId {
  // Most documents need no id.
  let digest: Buffer | undefined;
  const digested = (): Buffer =>
    createHash('sha256')
      .update(`${file.fingerprint ?? ''}\n${line}\n${salt}`)
      .digest();
  let count = 0;
  return uuidV7({ now: () => Math.max(0, Math.floor(file.changed)) }, () => {
    const bytes = new Uint8Array(10);
    digest ??= digested();
    bytes.set(digest.subarray(0, 6));
    new DataView(bytes.buffer).setUint32(6, count++);
    return bytes;
  });
}
