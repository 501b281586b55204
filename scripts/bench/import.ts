/** An import of NDJSON files that are fetched from this machine: validated, durable, indexed; by job processes beside a server. */
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { startFairway } from '../processes.js';
import { type Row, rate } from './measure.js';

const BAR = 3_000;
const POLL_MILLISECONDS = 20;

interface Manifest {
  readonly output: readonly { readonly count: number }[];
  readonly error: readonly object[];
}

/** `folder`: with `Patient.ndjson` and the like; `dataDir`: an empty one. */
export async function importRow(dataDir: string, folder: string): Promise<Row> {
  const files = createServer((request, response) => {
    const path = join(folder, basename(request.url ?? ''));
    response.setHeader('content-length', statSync(path).size);
    createReadStream(path).pipe(response);
  });
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  const { port } = files.address() as AddressInfo;
  const server = await startFairway(dataDir);
  try {
    const started = performance.now();
    const { output, error } = await imported(server.url, inputsOf(folder, port));
    const seconds = (performance.now() - started) / 1000;
    const resources = output.reduce((sum, { count }) => sum + count, 0);
    if (resources === 0 || error.length > 0) throw new Error('the import refused something');
    const perSecond = resources / seconds;
    return {
      measure: `import of ${rate(resources)} resources, NDJSON fetched, validated, durable and indexed, start of the job process included`,
      value: `${rate(perSecond)}/s`,
      against: '–',
      bar: { text: `≥ ${rate(BAR)}/s`, met: perSecond >= BAR },
    };
  } finally {
    await server.stop();
    files.close();
  }
}

function inputsOf(folder: string, port: number): readonly object[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .map((name) => ({
      name: 'input',
      part: [
        { name: 'type', valueCode: basename(name, '.ndjson') },
        { name: 'url', valueUrl: `http://127.0.0.1:${port}/${name}` },
      ],
    }));
}

async function imported(url: string, parameter: readonly object[]): Promise<Manifest> {
  const accepted = await fetch(`${url}/fhir/$import`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', prefer: 'respond-async' },
    body: JSON.stringify({ resourceType: 'Parameters', parameter }),
  });
  if (accepted.status !== 202) throw new Error(await accepted.text());
  await accepted.arrayBuffer();
  const status = accepted.headers.get('content-location') ?? '';
  for (;;) {
    const answer = await fetch(status);
    if (answer.status === 200) return (await answer.json()) as Manifest;
    if (answer.status !== 202) throw new Error(await answer.text());
    await answer.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}
