/**
 * Large byte sequences by name, written once: the files of jobs. Names are paths of plain segments (`jobs/ID/FILE`).
 *
 * Invariants: what `close` resolved for is durable and never changes. What is being written counts as absent. Memory does
 * not grow with the size.
 */
export interface Blobs {
  /** A blob of this name that is there is replaced. */
  create(name: string): Promise<BlobWriter>;
  /** Undefined where there is no such blob. */
  size(name: string): Promise<number | undefined>;
  /** Bytes from `from` up to `to`; fails where there is no such blob. */
  read(name: string, from: number, to: number): AsyncIterable<Buffer>;
  /** Nothing happens where it is not there. */
  remove(name: string): Promise<void>;
  /** All whose names begin with the folder and a slash, unfinished ones too. */
  removeFolder(folder: string): Promise<void>;
  /**
   * Of what was begun in the folder before this time (milliseconds since 1970) and neither closed nor aborted nothing is left:
   * whoever wrote it died.
   */
  sweep(folder: string, before: number): Promise<void>;
}

/** Segments that no store takes for anything but a name. */
export const BLOB_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

export interface BlobWriter {
  /** Takes the bytes in; go on when it resolves, or at once where there is no promise. */
  write(bytes: Buffer): Promise<void> | undefined;
  /** Durable when it resolves. */
  close(): Promise<BlobFacts>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

export interface BlobFacts {
  readonly size: number;
  /** Of the bytes, in hexadecimal. */
  readonly sha256: string;
}
