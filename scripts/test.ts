/**
 * What `npm test` runs after the build (which is the type check): format and lint, then every test that the
 * compiler made. Ends with one plain line, `N passed, N failed`, and exits 1 on any failure.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
}

function run(command: string, args: readonly string[]): number {
  const child = spawnSync(process.execPath, [command, ...args], { stdio: 'inherit' });
  return child.status ?? 1;
}

const folder = mkdtempSync(join(tmpdir(), 'fairway-test-'));
const reportFile = join(folder, 'report.json');
const filters = process.argv.slice(2);
const lint = run('node_modules/@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']);
const tests = run('node_modules/vitest/vitest.mjs', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile=${reportFile}`,
  ...filters,
]);
// The report is vitest's own, whose shape is given above.
const report = JSON.parse(readFileSync(reportFile, 'utf8')) as VitestReport;
rmSync(folder, { recursive: true });

const failed = Math.max(report.numFailedTests, report.success || tests === 0 ? 0 : 1) + (lint === 0 ? 0 : 1);
if (lint !== 0) console.log('format and lint: failed (npm run format mends most of it)');
const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : '';
console.log(`${report.numPassedTests} passed, ${failed} failed${skipped}`);
process.exitCode = failed === 0 && tests === 0 ? 0 : 1;
