import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeFolder } from './data-folder.js';

const root = mkdtempSync(join(tmpdir(), 'fairway-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

it('is made with the folders above it', () => {
  const folder = join(root, 'a', 'b');

  makeFolder(folder);
  makeFolder(folder);

  expect(existsSync(folder)).toBe(true);
});

it('is refused where a file stands in its way', () => {
  const file = join(root, 'file');
  writeFileSync(file, '');

  expect(() => makeFolder(file)).toThrow('cannot be made (ENOTDIR): set FAIRWAY_DATA_DIR');
  expect(() => makeFolder(join(file, 'below'))).toThrow('ENOTDIR');
});

it('is refused where the system lets none be made', () => {
  expect(() => makeFolder('/proc/fairway/data')).toThrow('cannot be made');
});
