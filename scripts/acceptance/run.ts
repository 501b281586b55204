/**
 * `npm run acceptance`: real data through the built server. Needs ../shared/data beside the project and says so when
 * it is not there. Ends with `acceptance: N passed, N failed`; exit status 1 when something failed.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFairway } from '../processes.js';
import { makeCheck } from './check.js';
import { checkInvalidCases } from './invalid-cases.js';
import { checkSpecExamples } from './spec-examples.js';
import { checkSynthea } from './synthea.js';

const DATA = '../shared/data/fhir';
const check = makeCheck();

async function withServer(
  name: string,
  act: (base: string, environment: NodeJS.ProcessEnv) => Promise<void>,
): Promise<void> {
  console.log(name);
  const dataDir = mkdtempSync(join(tmpdir(), 'fairway-acceptance-'));
  const server = await startFairway(dataDir);
  try {
    await act(`${server.url}/fhir`, { ...process.env, FAIRWAY_AUTH: 'open', FAIRWAY_DATA_DIR: dataDir });
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

if (!existsSync(DATA)) {
  console.error(`acceptance: there is no ${DATA}; put the real data beside the project to run this`);
  process.exit(2);
}
for (const set of ['v2.4-smart', 'v2.7-blaze-conditional-refs', 'v2021-hiv']) {
  await withServer(`Synthea ${set}`, (base, environment) =>
    checkSynthea(check, `${DATA}/synthea/${set}`, base, environment),
  );
}
await withServer('Examples of the specification', (base) =>
  checkSpecExamples(check, `${DATA}/r4-spec-examples`, base),
);
await withServer('Valid and invalid cases', (base) => checkInvalidCases(check, `${DATA}/invalid`, base));
console.log(`acceptance: ${check.passed} passed, ${check.failed} failed`);
process.exitCode = check.failed === 0 ? 0 : 1;
