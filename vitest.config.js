import { defineConfig } from 'vitest/config';

/** Tests run on what the compiler made: the same files that a hospital runs. */
// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    include: ['dist/**/*.test.js'],
    exclude: ['node_modules/**'],
    pool: 'forks',
    // For what hangs, not for what is slow: a shared machine is ten times slower at times.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
