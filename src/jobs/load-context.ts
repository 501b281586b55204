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
import type { Backend, Commit } from '../ports/backend.js';
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
    backend: watched(target.context.backend, async (commit) => {
      await refuseSecondTime(commit, target);
      onHandedOver();
    }),
  };
}

async function refuseSecondTime({ writes }: Commit, { context }: LoadTarget): Promise<void> {
  const first = writes.find((write) => write.kind === 'put' && write.method === 'POST');
  if (first === undefined) return;
  const found = await context.backend.read({ type: first.type, id: first.id }, context.access.read);
  if (found.kind !== 'absent') throw new AlreadyStored();
}

/** The same backend, whose commits are announced. */
function watched(backend: Backend, before: (commit: Commit) => Promise<void>): Backend {
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (key, access) => backend.read(key, access),
    vread: (key, versionId, access) => backend.vread(key, versionId, access),
    history: (request) => backend.history(request),
    search: (request) => backend.search(request),
    explain: (request) => backend.explain(request),
    resolve: (type, where, access, limit) => backend.resolve(type, where, access, limit),
    changes: (since, limit) => backend.changes(since, limit),
    scan: (request) => backend.scan(request),
    ranges: (request) => backend.ranges(request),
    counts: () => backend.counts(),
    close: () => backend.close(),
    commit: async (commit) => {
      await before(commit);
      return backend.commit(commit);
    },
  };
}

/**
 * UUIDv7 that follow from a file's state, a line in it and a count: their time is that of the file, so that neighbours in
 * a file are neighbours in the store. `salt` makes them others.
 */
export function documentIds(file: LoadFile, line: number, salt: string): NewId {
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
