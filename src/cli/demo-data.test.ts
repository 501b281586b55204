/** `fairway demo-data`: files, bytes that repeat, counts, and what is refused. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseJson } from '../fhir/format/parse.js';
import { demoDataCommand } from './demo-data.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-demo-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('NDJSON', () => {
  it('writes one file per type, one resource per line', async () => {
    await run('--patients', '3', '--out', join(folder, 'out'));

    const files = readdirSync(join(folder, 'out'));
    expect(files).toContain('Patient.ndjson');
    expect(files).toContain('Observation.ndjson');
    for (const file of files) {
      for (const line of lines(readFileSync(join(folder, 'out', file), 'utf8'))) {
        expect(parseJson(line)).toMatchObject({ resourceType: file.replace('.ndjson', '') });
      }
    }
  });

  it.each([[[]], [['--gzip']], [['--format', 'bundles']], [['--format', 'bundles', '--gzip']]])(
    'writes the same bytes for the same seed, with %j',
    async (flags) => {
      await run('--patients', '4', '--seed', '9', '--out', join(folder, 'one'), ...flags);
      await run('--patients', '4', '--seed', '9', '--out', join(folder, 'two'), ...flags);
      await run('--patients', '4', '--seed', '10', '--out', join(folder, 'other'), ...flags);

      expect(digest('two')).toEqual(digest('one'));
      expect(digest('other')).not.toEqual(digest('one'));
    },
  );

  it('compresses what it else writes plainly', async () => {
    await run('--patients', '2', '--out', join(folder, 'plain'));
    await run('--patients', '2', '--out', join(folder, 'packed'), '--gzip');

    const plain = readFileSync(join(folder, 'plain', 'Observation.ndjson'), 'utf8');
    const packed = readFileSync(join(folder, 'packed', 'Observation.ndjson.gz'));
    expect(gunzipSync(packed).toString('utf8')).toBe(plain);
  });
});

describe('bundles', () => {
  it('writes one transaction per patient between the shared one and the groups', async () => {
    await run('--patients', '2', '--start', '5', '--format', 'bundles', '--out', folder);

    expect(readdirSync(folder)).toEqual([
      '0-shared.json',
      '1-patient-0000005.json',
      '1-patient-0000006.json',
      '2-groups.json',
    ]);
    const bundle = parseJson(readFileSync(join(folder, '1-patient-0000005.json'), 'utf8'));
    expect(bundle).toMatchObject({ resourceType: 'Bundle', type: 'transaction' });
  });
});

describe('what it says', () => {
  it('counts what it wrote, and shows the patients as they are done', async () => {
    const told = await run('--patients', '3', '--out', folder);

    expect(told.output).toMatch(/^ {2}Patient +3$/m);
    expect(told.output).toMatch(/^[\d,]+ resources written to /m);
    expect(told.progress).toEqual([1, 2, 3, 'finished']);
  });
});

describe('what it refuses', () => {
  it('writes nothing into a folder that has files', async () => {
    writeFileSync(join(folder, 'mine.txt'), 'mine');

    const refused = await failure('--patients', '1', '--out', folder);

    expect(refused.exitCode).toBe(2);
    expect(refused.message).toContain('--force');
    expect(readdirSync(folder)).toEqual(['mine.txt']);
  });

  it('writes beside those files when it is forced', async () => {
    writeFileSync(join(folder, 'mine.txt'), 'mine');

    await run('--patients', '1', '--out', folder, '--force');

    expect(readFileSync(join(folder, 'mine.txt'), 'utf8')).toBe('mine');
    expect(readdirSync(folder)).toContain('Patient.ndjson');
  });

  it.each([[[]], [['--gzip']]])(
    'ends with the reason where a file cannot be written, with %j',
    async (flags) => {
      mkdirSync(join(folder, 'Observation.ndjson'));
      mkdirSync(join(folder, 'Observation.ndjson.gz'));

      const ended = run('--patients', '40', '--out', folder, '--force', ...flags);

      await expect(ended).rejects.toThrow(/EISDIR/);
    },
  );

  it.each([
    [['--patients', '0']],
    [['--patients', 'many']],
    [['--patients', '1', '--seed', '-4']],
    [['--patients', '1', '--now', 'today']],
    [['--patients', '1', '--format', 'xml']],
  ])('refuses %j', async (flags) => {
    const refused = await failure('--out', folder, ...flags);

    expect(refused.code).toBe('commander.invalidArgument');
    expect(readdirSync(folder)).toEqual([]);
  });
});

interface Told {
  readonly output: string;
  readonly progress: readonly (number | 'finished')[];
}

async function run(...flags: string[]): Promise<Told> {
  let output = '';
  const progress: (number | 'finished')[] = [];
  const command = demoDataCommand({
    output: {
      write: (text) => {
        output += text;
      },
    },
    progress: () => ({ update: (done) => progress.push(done), finish: () => progress.push('finished') }),
  });
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  await command.parseAsync(flags, { from: 'user' });
  return { output, progress };
}

async function failure(...flags: string[]): Promise<CommanderError> {
  const error = await run(...flags).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof CommanderError) return error;
  throw new Error('the command was expected to refuse');
}

function digest(name: string): string[] {
  const path = join(folder, name);
  return readdirSync(path).map((file) => {
    const hash = createHash('sha256').update(readFileSync(join(path, file)));
    return `${file} ${hash.digest('hex')}`;
  });
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
