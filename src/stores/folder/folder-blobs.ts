/**
 * Blobs as files below a folder.
 *
 * Invariant: a name leads to a file below the folder and nowhere else; `close` resolves after file and folder were flushed
 * to the disk.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assert } from '../../base/assert.js';
import { BLOB_NAME, type BlobFacts, type Blobs, type BlobWriter } from '../../ports/blobs.js';

/** What is written at once, and read at once. */
const CHUNK_BYTES = 1024 * 1024;
const UNFINISHED = '.partial';

export function folderBlobs(folder: string): Blobs {
  const pathOf = (name: string): string => {
    assert(BLOB_NAME.test(name), 'names of blobs are paths of plain segments');
    return join(folder, name);
  };
  return {
    create: async (name) => {
      const path = pathOf(name);
      await mkdir(dirname(path), { recursive: true });
      return new FolderBlobWriter(path, await open(`${path}${UNFINISHED}`, 'w'));
    },
    size: async (name) => {
      try {
        return (await stat(pathOf(name))).size;
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    read: (name, from, to) =>
      to > from
        ? createReadStream(pathOf(name), { start: from, end: to - 1, highWaterMark: CHUNK_BYTES })
        : nothing(),
    remove: async (name) => {
      await rm(pathOf(name), { force: true });
    },
    removeFolder: async (name) => {
      await rm(pathOf(name), { recursive: true, force: true });
    },
    sweep: (name, before) => sweep(pathOf(name), before),
  };
}

/** By the time of the last bytes: what is still written to is younger. */
async function sweep(folder: string, before: number): Promise<void> {
  for (const entry of await listed(() => readdir(folder, { withFileTypes: true }))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await sweep(path, before);
    else if (entry.name.endsWith(UNFINISHED)) {
      const [found] = await listed(async () => [await stat(path)]);
      if (found !== undefined && found.mtimeMs < before) await rm(path, { force: true });
    }
  }
}

/** None where it has gone meanwhile. */
async function listed<T>(list: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await list();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function* nothing(): AsyncGenerator<Buffer> {
  // an empty range
}

class FolderBlobWriter implements BlobWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #filled = 0;
  #size = 0;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  write(bytes: Buffer): Promise<void> | undefined {
    if (bytes.length <= CHUNK_BYTES - this.#filled) {
      this.#filled += bytes.copy(this.#chunk, this.#filled);
      return undefined;
    }
    return this.#overflow(bytes);
  }

  async close(): Promise<BlobFacts> {
    await this.#flush();
    await this.#file.sync();
    await this.#file.close();
    await rename(`${this.#path}${UNFINISHED}`, this.#path);
    const folder = await open(dirname(this.#path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return { size: this.#size, sha256: this.#hash.digest('hex') };
  }

  async abort(): Promise<void> {
    await this.#file.close();
    await rm(`${this.#path}${UNFINISHED}`, { force: true });
  }

  async #overflow(bytes: Buffer): Promise<void> {
    await this.#flush();
    if (bytes.length < CHUNK_BYTES) this.#filled = bytes.copy(this.#chunk);
    else await this.#out(bytes);
  }

  async #flush(): Promise<void> {
    await this.#out(this.#chunk.subarray(0, this.#filled));
    this.#filled = 0;
  }

  async #out(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    this.#size += bytes.length;
    for (let written = 0; written < bytes.length; ) {
      written += (await this.#file.write(bytes, written)).bytesWritten;
    }
  }
}
