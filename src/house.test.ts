/**
 * The house keeps its own rules: who may import whom (the table of ARCHITECTURE.md, read from there), where Node,
 * JSON, the driver, express and the environment may be touched, and how big files get.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

interface SourceFile {
  /** Relative to src, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

interface Room {
  /** `stores/sqlite`, `fhir`. */
  readonly name: string;
  readonly mayImport: 'all' | ReadonlySet<string>;
  readonly typesOnly: boolean;
}

/** Tests, contract suites and what they are helped by may import anything. */
const FREE = /\.(test|contract)\.ts$|(^|\/)testing\.ts$|^ports\/(contract-world|generated-query)\.ts$/;

/** Where JSON.parse and JSON.stringify are right, and why; everywhere else trees go through fhir/format. */
const JSON_ALLOWED: Readonly<Record<string, string>> = {
  'access/standing.ts': 'text that is compared, never written',
  'access/who-asks.ts': 'what conditions are evaluated on, never written',
  'authorization/clients/key-set.ts': 'key sets, which have no decimals to lose',
  'authorization/record-json.ts': 'our own records, which have no decimals to lose',
  'base/shared-json.ts': 'our own plans of jobs, which have no decimals to lose',
  'fhir/definitions/load.ts': 'our own compiled tables, which have no decimals to lose',
  'fhir/format/serialise.ts': 'escapes of one string',
  'fhir/search/canonical-condition.ts': 'text that is compared, never written',
  'fhir/search/distinct.ts': 'text that is compared, never written',
  'fhir/terminology/base-terminology.ts': 'our own compiled tables, which have no numbers but places',
  'interactions/cursor.ts': 'our own sealed page positions',
  'jobs/source/source-spec.ts': 'our own plans of pulls',
  'stores/sqlite/audit-text.ts': 'our own records, which have no decimals to lose',
  'stores/sqlite/index-rows.ts': 'our own undo log of index rows',
  'stores/sqlite/pasts.ts': 'text that is compared, never written',
  'stores/sqlite/reader-pool.ts': 'arguments of our own process',
  'stores/sqlite/reader-process.ts': 'arguments of our own process',
  'stores/sqlite/search/chain-probe.ts': 'lists handed to json_each',
  'stores/sqlite/search/fragment.ts': 'lists handed to json_each',
  'stores/sqlite/search/includes.ts': 'lists handed to json_each',
  'stores/sqlite/search/key-set.ts': 'lists handed to json_each',
  'stores/sqlite/search/nearest.ts': 'what a statement of ours says of rows',
  'stores/sqlite/search/words-test.ts': 'words handed to an SQL function of our own',
  'stores/sqlite/stored-bytes.ts': 'the quotes around an id',
  'stores/sqlite/view.ts': 'what a statement of ours says of rows',
  'stores/sqlite/wire-values.ts': 'index values on their way to the writer thread',
};

const FILES = sources('src').map(readSource);
const CODE = FILES.filter(({ path }) => !FREE.test(path));
const ROOMS = readRooms(readFileSync('src/ARCHITECTURE.md', 'utf8'));

describe('rooms', () => {
  it('knows the table of ARCHITECTURE.md', () => {
    expect(ROOMS.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['base', 'fhir', 'ports', 'stores/sqlite']),
    );
  });

  it('has every file in a room', () => {
    const homeless = FILES.filter(({ path }) => roomOf(path) === undefined);

    expect(homeless.map(({ path }) => path)).toEqual([]);
  });

  it('imports only what the table allows', () => {
    expect(CODE.flatMap(forbiddenImports)).toEqual([]);
  });
});

describe('tests', () => {
  it('are imported by tests alone', () => {
    const product = CODE.flatMap(({ path, imports }) =>
      imports.map(({ from }) => targetOf(path, from)).filter((target) => FREE.test(target)),
    );

    expect(product).toEqual([]);
  });
});

describe('edges', () => {
  it.each(['base', 'fhir', 'smart', 'ports'])('keeps %s/ free of Node', (name) => {
    const touching = importsOf(
      (path) => roomOf(path)?.name === name,
      (from) => from.startsWith('node:'),
    );

    expect(touching).toEqual([]);
  });

  it.each(['base', 'fhir', 'smart', 'ports', 'demo'])(
    'keeps %s/ free of clocks, chance and state',
    (name) => {
      const inside = CODE.filter(({ path }) => roomOf(path)?.name === name && path !== 'base/clock.ts');

      const restless =
        /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b|\brandomUUID\b|^(export )?let /m;
      expect(paths(inside.filter(({ text }) => restless.test(text)))).toEqual([]);
    },
  );

  it('lets only http/ know express', () => {
    const touching = importsOf(
      (path) => !path.startsWith('http/'),
      (from) => /^(express|helmet)$/.test(from),
    );

    expect(touching).toEqual([]);
  });

  it('keeps the database driver in one file', () => {
    const home = 'stores/sqlite/connection.ts';

    const touching = importsOf(
      (path) => path !== home,
      (from) => from === 'better-sqlite3',
    );

    expect(touching).toEqual([]);
  });

  it('reads the environment in config.ts and main.ts alone', () => {
    const readers = CODE.filter(({ path }) => !['config.ts', 'main.ts'].includes(path));

    expect(paths(readers.filter(({ text }) => /\bprocess\.env\b/.test(text)))).toEqual([]);
  });

  it('leaves resources to fhir/format: JSON.parse and JSON.stringify have their places', () => {
    const users = CODE.filter(({ text }) => /\bJSON\.(parse|stringify)\b/.test(text));

    // A new place needs a reason in the list above; a place that is no longer used leaves it.
    expect(paths(users)).toEqual(Object.keys(JSON_ALLOWED).sort());
  });
});

describe('size and names', () => {
  it('has no file over 500 lines', () => {
    expect(paths(FILES.filter(({ lines }) => lines > 500))).toEqual([]);
  });

  it('keeps 95 of 100 files of code under 350 lines', () => {
    const long = CODE.filter(({ lines }) => lines > 350);

    expect(long.length / CODE.length).toBeLessThan(0.05);
  });

  it('has no drawers: nothing is called utils, helpers, common or misc', () => {
    const drawers = FILES.filter(({ path }) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.|-)/i.test(path));

    expect(paths(drawers)).toEqual([]);
  });

  it('has no default exports', () => {
    expect(paths(FILES.filter(({ text }) => /^export default\b/m.test(text)))).toEqual([]);
  });

  it('keeps decisions to half a page', () => {
    const folder = 'src/decisions';
    const long = readdirSync(folder).filter(
      (name) => readFileSync(join(folder, name), 'utf8').split('\n').length > 61,
    );

    expect(long).toEqual([]);
  });
});

describe('the rules themselves', () => {
  it.each([
    ['fhir/x.ts', "import { a } from '../ports/a.js';", 'fhir/x.ts → ports/a.ts'],
    [
      'stores/sqlite/x.ts',
      "import { a } from '../mongodb/a.js';",
      'stores/sqlite/x.ts → stores/mongodb/a.ts',
    ],
    ['ports/x.ts', "import { a } from '../fhir/a.js';", 'ports/x.ts → fhir/a.ts (a type only)'],
    [
      'http/x.ts',
      "const a = await import('../stores/sqlite/store.js');",
      'http/x.ts → stores/sqlite/store.ts',
    ],
    ['http/x.ts', "export { a } from '../main.js';", 'http/x.ts → main.ts'],
    ['http/x.ts', "import { type A } from '../tenant.js';", 'http/x.ts → tenant.ts'],
  ])('refuse %s with %s', (path, text, fault) => {
    expect(forbiddenImports(source(path, text))).toEqual([fault]);
  });

  it.each([
    ['ports/x.ts', "import type { A } from '../fhir/a.js';"],
    ['fhir/search/x.ts', "import { a } from '../format/a.js';\nimport { b } from '../../base/b.js';"],
    ['main.ts', "import { a } from './stores/sqlite/store.js';"],
    ['http/x.ts', "// import { a } from '../stores/sqlite/store.js';"],
  ])('allow %s with %s', (path, text) => {
    expect(forbiddenImports(source(path, text))).toEqual([]);
  });
});

function forbiddenImports({ path, imports }: SourceFile): string[] {
  const room = roomOf(path);
  if (room === undefined || room.mayImport === 'all') return [];
  const { mayImport, typesOnly, name } = room;
  return imports.flatMap(({ from, typeOnly }) => {
    if (!from.startsWith('.')) return [];
    const target = targetOf(path, from);
    const other = roomOf(target)?.name ?? target;
    if (other === name || other === 'base') return [];
    if (!mayImport.has(other)) return [`${path} → ${target}`];
    return typesOnly && !typeOnly ? [`${path} → ${target} (a type only)`] : [];
  });
}

/** The file that an import means, relative to src. */
function targetOf(path: string, from: string): string {
  return from.startsWith('.') ? posix.join(dirname(path), from).replace(/\.js$/, '.ts') : from;
}

/** The room whose folder a path is in, the longest name first; files beside main.ts are of its room. */
function roomOf(path: string): Room | undefined {
  if (!path.includes('/')) return ROOMS.find(({ name }) => name === 'main.ts');
  return ROOMS.filter(({ name }) => path === name || path.startsWith(`${name}/`)).sort(
    (left, right) => right.name.length - left.name.length,
  )[0];
}

/** Rows of the table under "Rooms": folder | what | may import. */
function readRooms(page: string): Room[] {
  const rows = page.split('\n').filter((line) => /^\| `/.test(line));
  const cells = rows.map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
  const names = cells.flatMap((row) => quoted(row[1]));
  return cells.flatMap((row) =>
    quoted(row[1]).map((name) => ({
      name,
      mayImport:
        row[3] === 'all' ? ('all' as const) : new Set(quoted(row[3]).filter((room) => names.includes(room))),
      typesOnly: row[3]?.startsWith('types of') === true,
    })),
  );
}

function quoted(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replace(/\/$/, ''));
}

function importsOf(inside: (path: string) => boolean, wanted: (from: string) => boolean): string[] {
  return CODE.filter(({ path }) => inside(path)).flatMap(({ path, imports }) =>
    imports.filter(({ from, typeOnly }) => wanted(from) && !typeOnly).map(({ from }) => `${path} → ${from}`),
  );
}

function paths(files: readonly SourceFile[]): string[] {
  return files.map(({ path }) => path).sort();
}

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (statSync(path).isDirectory()) return sources(path);
    return name.endsWith('.ts') ? [path] : [];
  });
}

function readSource(path: string): SourceFile {
  return source(path.slice('src/'.length), readFileSync(path, 'utf8'));
}

function source(path: string, whole: string): SourceFile {
  const text = withoutComments(whole);
  const statements = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^;'"]*?\bfrom\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm,
  );
  const imports = [...statements].map(([, type, named, bare, lazy]) => ({
    from: named ?? bare ?? lazy ?? '',
    typeOnly: type !== undefined,
  }));
  return { path, text, lines: whole.split('\n').length, imports };
}

/** Good enough for our own formatted code: block comments, and line comments that are not part of a URL. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
}
