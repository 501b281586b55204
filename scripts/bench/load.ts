/** `fairway load` of transaction bundles and NDJSON, durable and indexed; and the large store for the searches. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Row, rate } from './measure.js';

async function fairway(args: readonly string[], dataDir: string): Promise<void> {
  const child = spawn(process.execPath, ['dist/bundle/main.js', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, FAIRWAY_AUTH: 'open', FAIRWAY_DATA_DIR: dataDir },
  });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`fairway ${args[0]} ended with ${status}`);
}

/** Generates once, keeps the files: the same seed makes the same bytes. */
export async function demoData(
  folder: string,
  patients: number,
  format: 'ndjson' | 'bundles',
): Promise<void> {
  if (existsSync(join(folder, 'complete'))) return;
  await fairway(
    [
      'demo-data',
      '--patients',
      String(patients),
      '--seed',
      '1',
      '--format',
      format,
      '--out',
      folder,
      '--force',
    ],
    folder,
  );
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(folder, 'complete'), '');
}

export async function loadFolder(dataDir: string, folder: string): Promise<number> {
  const started = performance.now();
  await fairway(['load', ...files(folder)], dataDir);
  return (performance.now() - started) / 1000;
}

function files(folder: string): string[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isDirectory() || /\.(json|ndjson)(\.gz)?$/.test(path));
}

export async function loadRow(
  name: string,
  dataDir: string,
  folder: string,
  count: () => Promise<number>,
): Promise<Row> {
  const seconds = await loadFolder(dataDir, folder);
  const resources = await count();
  const perSecond = resources / seconds;
  return {
    measure: `load of ${rate(resources)} resources, ${name}, durable and indexed, start of the command included`,
    value: `${rate(perSecond)}/s`,
    against: '–',
    bar: { text: '≥ 3,000/s', met: perSecond >= 3000 },
  };
}
