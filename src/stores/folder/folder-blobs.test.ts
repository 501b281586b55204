/** A folder keeps the promises of the Blobs port. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe } from 'vitest';
import { blobsContract } from '../../ports/blobs.contract.js';
import { folderBlobs } from './folder-blobs.js';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('blobs in a folder', () => {
  blobsContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairway-blobs-'));
    folders.push(folder);
    return folderBlobs(folder);
  });
});
