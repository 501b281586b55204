/**
 * `npm run bench`: every claim about speed, measured, as Markdown tables in scripts/bench/RESULTS.md, a section each.
 *
 *   --resources N   size of the large store (default 1,000,000)
 *   --only NAME     one of cold, read, authorization, write, knowledge, load, search, export, import
 *   --dir DIR       where stores and generated files go, and are kept for the next run (default data/bench)
 *   --as-is         takes the large store as it stands, where a load of it was cut short
 *   --synthea DIR   folders of Synthea bundles to load beside our own demo data, each into a store of its own
 */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { authorizationRows } from './authorization.js';
import { coldStartRows } from './cold-start.js';
import { exportRows } from './export.js';
import { importRow } from './import.js';
import { openInside } from './inside.js';
import { knowledgeRows } from './knowledge.js';
import { demoData, loadFolder, loadRow } from './load.js';
import { markdown, median, milliseconds, type Row } from './measure.js';
import { readRows } from './read.js';
import { depthRow, hostileRows, type Sized, searchRows } from './search.js';
import { writeRows } from './writes.js';

const RESOURCES_PER_PATIENT = 100;
/** What the large store's searches are held against. */
const SMALL_STORE = 10_000;
const MOST_IMPORTED = 100_000;

const { values } = parseArgs({
  options: {
    resources: { type: 'string', default: '1000000' },
    only: { type: 'string' },
    dir: { type: 'string', default: 'data/bench' },
    synthea: { type: 'string' },
    'as-is': { type: 'boolean', default: false },
  },
});
const dir = values.dir;
const scratch = join(dir, 'scratch');
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });

async function storedCount(dataDir: string): Promise<number> {
  const inside = await openInside(join(dataDir, 'fairway.db'));
  const counts = await inside.store.backend.counts();
  await inside.store.close();
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** Each folder is a population of its own, and goes into a store of its own. */
function foldersBelow(folder: string | undefined): readonly string[] {
  if (folder === undefined) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}

/** So that the system's cache holds the file: what is measured is the store, not the disk. */
async function readThrough(file: string): Promise<void> {
  for await (const _chunk of createReadStream(file, { highWaterMark: 8 * 1024 * 1024 }));
}

/** A store of about so many resources, made where it is not there yet, with everything indexed. */
async function sizedStore(resources: number): Promise<Sized> {
  const dataDir = join(dir, `store-${resources}`);
  const folder = join(dir, `ndjson-${resources}`);
  if (!values['as-is'] || !existsSync(join(dataDir, 'fairway.db'))) {
    await demoData(folder, Math.ceil(resources / RESOURCES_PER_PATIENT), 'ndjson');
    await loadFolder(dataDir, folder);
  }
  const total = await storedCount(dataDir);
  const file = join(dataDir, 'fairway.db');
  await readThrough(file);
  const inside = await openInside(file);
  await inside.store.followFullText();
  return { inside, total };
}

async function patients(): Promise<readonly string[]> {
  await demoData(join(dir, 'small'), 200, 'ndjson');
  return readFileSync(join(dir, 'small', 'Patient.ndjson'), 'utf8')
    .trim()
    .split('\n');
}

const SECTIONS: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  cold: () => coldStartRows(scratch),
  read: async () => readRows(scratch, (await patients())[0] ?? ''),
  authorization: () => authorizationRows(scratch, dir),
  write: async () => writeRows(scratch, await patients()),
  knowledge: async () => knowledgeRows(await patients()),
  load: async () => {
    await demoData(join(dir, 'bundles'), 300, 'bundles');
    const sets = [
      ['demo', join(dir, 'bundles')],
      ...foldersBelow(values.synthea).map((path) => [`Synthea ${basename(path)}`, path]),
    ];
    const rows: Row[] = [];
    for (const [name = '', folder = ''] of sets) {
      const dataDir = join(scratch, `load-${name}`);
      rows.push(await loadRow(`${name} bundles`, dataDir, folder, () => storedCount(dataDir)));
    }
    return rows;
  },
  search: async () => {
    const large = await sizedStore(Number(values.resources));
    const small = await sizedStore(SMALL_STORE);
    const rows = [
      ...(await searchRows(large, small)),
      ...(await hostileRows(large)),
      await depthRow(large.inside),
    ];
    await large.inside.store.close();
    await small.inside.store.close();
    return rows;
  },
  export: async () => {
    const resources = Number(values.resources);
    const { inside } = await sizedStore(resources);
    const rows = await exportRows(inside, join(dir, `store-${resources}`));
    await inside.store.close();
    return rows;
  },
  import: async () => {
    const resources = Math.min(MOST_IMPORTED, Number(values.resources));
    const folder = join(dir, `ndjson-${resources}`);
    await demoData(folder, Math.ceil(resources / RESOURCES_PER_PATIENT), 'ndjson');
    return [await importRow(join(scratch, 'import'), folder)];
  },
};

const RESULTS = 'scripts/bench/RESULTS.md';

/** Sections by name, as they stand in the file. */
function writtenSections(): Map<string, string> {
  const text = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '';
  const sections = text.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => {
      const end = section.indexOf('\n');
      return [section.slice(0, end), section.slice(end + 1).trim()];
    }),
  );
}

/** How fast the machine is at the moment: machines are shared, and an absolute figure means little without it. */
function machineLine(): string {
  const bytes = Buffer.alloc(64 * 1024 * 1024, 'fairway');
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    createHash('sha256').update(bytes).digest();
    return performance.now() - started;
  });
  const processor = `${cpus().length} × ${cpus()[0]?.model ?? 'processor'}`;
  const fast = `SHA-256 of 64 MiB took ${milliseconds(median(times))} before it`;
  return `Node ${process.version}, ${processor}; ${fast}, and ${heldUp()}.`;
}

const SPIN_MILLISECONDS = 10_000;
/** A loop that does nothing else turns in far less: longer than that, somebody else has the processor. */
const PAUSE_MILLISECONDS = 5;

/** How much of the time the host kept this machine from running. What takes long meets such pauses, what is short seldom. */
function heldUp(): string {
  const started = performance.now();
  let [last, lost, longest] = [started, 0, 0];
  while (last - started < SPIN_MILLISECONDS) {
    const now = performance.now();
    const gap = now - last;
    if (gap > PAUSE_MILLISECONDS) {
      lost += gap;
      longest = Math.max(longest, gap);
    }
    last = now;
  }
  const share = Math.round((100 * lost) / (last - started));
  return `a loop that does nothing stood still ${share} % of the time, ${milliseconds(longest)} at most`;
}

const sections = writtenSections();
for (const [name, section] of Object.entries(SECTIONS)) {
  if (values.only !== undefined && values.only !== name) continue;
  const machine = machineLine();
  const table = markdown(await section());
  console.log(`${machine}\n\n${table}`);
  sections.set(name, `${machine}\n\n${table.trim()}`);
}
const page = [
  '# Benchmarks',
  '',
  'Each section was measured in one run, its pairs in turn; ratios are in brackets. `npm run bench` makes all of them anew,',
  '`npm run bench -- --only NAME` one.',
  ...[...sections].map(([name, text]) => `\n## ${name}\n\n${text}`),
].join('\n');
writeFileSync(RESULTS, `${page}\n`);
rmSync(scratch, { recursive: true, force: true });
