/** Cold start to the first answer, and memory when idle. */

import { startFairway } from '../processes.js';
import { median, milliseconds, type Row, residentBytes } from './measure.js';

const ROUNDS = 5;

export async function coldStartRows(dataDir: string): Promise<readonly Row[]> {
  const times: number[] = [];
  const memory: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    const server = await startFairway(`${dataDir}/cold`);
    const answer = await fetch(`${server.url}/fhir/Patient?_count=1`);
    await answer.arrayBuffer();
    times.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    memory.push(residentBytes(server.pid) / 1e6);
    await server.stop();
  }
  return [
    {
      measure: 'cold start to the first search answered',
      value: milliseconds(median(times)),
      against: '–',
      bar: { text: '< 1.5 s', met: median(times) < 1500 },
    },
    {
      measure: 'resident memory when idle',
      value: `${median(memory).toFixed(0)} MB`,
      against: '–',
      bar: { text: '< 150 MB', met: median(memory) < 150 },
    },
  ];
}
