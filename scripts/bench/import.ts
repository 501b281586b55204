/** An import of NDJSON files that are fetched from this machine: validated, durable, indexed; by job processes beside a server. */
import { createReadStream, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { Connection } from '#src/stores/sqlite/connection.js';
import { startFairway } from '../processes.js';
import { median, type Row, rate } from './measure.js';

const BAR = 6_000;
/** Lines that one transaction of the bare table takes. */
const BARE_BATCH = 1_000;
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
    const bare = [barePerSecond(join(dataDir, '..', 'bare.db'), folder)];
    const started = performance.now();
    const { output, error } = await imported(server.url, inputsOf(folder, port));
    const seconds = (performance.now() - started) / 1000;
    const resources = output.reduce((sum, { count }) => sum + count, 0);
    if (resources === 0 || error.length > 0) throw new Error('the import refused something');
    const perSecond = resources / seconds;
    bare.push(barePerSecond(join(dataDir, '..', 'bare.db'), folder));
    return {
      measure: `import of ${rate(resources)} resources, NDJSON fetched, validated, durable and indexed, start of the job process included`,
      value: `${rate(perSecond)}/s (${(perSecond / median(bare)).toFixed(2)})`,
      against: `the same lines parsed and put into a bare table by one thread, before and after it: ${bare.map(rate).join(' and ')}/s`,
      bar: { text: `≥ ${rate(BAR)}/s`, met: perSecond >= BAR },
    };
  } finally {
    await server.stop();
    files.close();
  }
}

/** Read, parsed, in a table by their ids, durable with each thousand: no history, no validation, no index. */
function barePerSecond(file: string, folder: string): number {
  const connection = Connection.open(file, 'writer');
  connection.execute(
    'CREATE TABLE bare (type TEXT, id TEXT, bytes BLOB, PRIMARY KEY (type, id)) WITHOUT ROWID',
  );
  const insert = connection.prepare('INSERT INTO bare VALUES (?, ?, ?)');
  const started = performance.now();
  let count = 0;
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.ndjson'))) {
    const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
    for (let from = 0; from < lines.length; from += BARE_BATCH) {
      connection.transaction(() => {
        for (const line of lines.slice(from, from + BARE_BATCH)) {
          const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string }; // of our own generator
          insert.run(resourceType, id, Buffer.from(line));
        }
      });
    }
    count += lines.length;
  }
  const seconds = (performance.now() - started) / 1000;
  connection.close();
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
  return count / seconds;
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
