import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Tests run on what the compiler made: the same files that a hospital runs. */
// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    include: ['dist/**/*.test.js'],
    exclude: ['node_modules/**'],
    pool: 'forks',
    // Half of a test's time goes by waiting for other processes: one worker would leave a core idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // What our modules keep is per server and store, so one process may run many files: loading them costs more than most.
    isolate: false,
    // Only test files go through vitest's transform: what they test is loaded by Node itself, as in a hospital.
    server: { deps: { external: [/\/dist\/(?!.*\.test\.js$)/] } },
    // For what hangs, not for what is slow: a shared machine is ten times slower at times.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
