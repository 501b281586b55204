/**
 * Puts the compiled modules of the program together in dist/bundle/, a few dozen files instead of several hundred: half of
 * a start was finding and reading them (src/decisions/021). Packages stay where npm put them.
 *
 * Invariant: the entries, and so everything that finds a file beside itself, lie in one folder. What is newer than all
 * that it was made of is left as it is.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const COMPILED = 'dist';
const BUNDLE = 'dist/bundle';

/** What processes and threads are started from: named as where they are started says. */
const ENTRIES = {
  main: './dist/main.js',
  'writer-thread': './dist/stores/sqlite/writer-thread.js',
  'reader-process': './dist/stores/sqlite/reader-process.js',
};

/** Whatever is not named by a path. */
const PACKAGES = /^[^./]/;

function newest(folder: string): number {
  const times = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const path = join(folder, entry.name);
    if (path === BUNDLE) return 0;
    if (entry.isDirectory()) return newest(path);
    return entry.name.endsWith('.js') ? statSync(path).mtimeMs : 0;
  });
  return Math.max(0, ...times);
}

const main = join(BUNDLE, 'main.js');
if (!existsSync(main) || statSync(main).mtimeMs <= newest(COMPILED)) {
  rmSync(BUNDLE, { recursive: true, force: true });
  const bundle = await rolldown({ input: ENTRIES, external: PACKAGES, platform: 'node' });
  await bundle.write({
    dir: BUNDLE,
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  });
  await bundle.close();
}
