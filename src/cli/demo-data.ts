/**
 * `fairway demo-data`: writes a generated population as files that `fairway load`, or any FHIR server, can take.
 *
 * Invariant: the same options write the same bytes.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_NOW } from '../demo/options.js';
import type { PopulationOptions } from '../demo/population.js';
import { type Counts, writeBundles, writeNdjson } from './demo-files.js';
import { countText } from './units.js';

export interface DemoDataDeps {
  /** Where the counts go: standard output. */
  readonly output: { write(text: string): unknown };
  /** Begins to show how far it has come: `total` patients, told in what `label` names. */
  readonly progress: (label: string, total: number) => Meter;
}

/** What of Progress is needed here. */
export interface Meter {
  update(patients: number, resources: number): void;
  /** Leaves the last state on the screen. */
  finish(): void;
}

interface Flags {
  readonly patients: number;
  readonly seed: number;
  readonly out: string;
  readonly format: 'ndjson' | 'bundles';
  readonly gzip?: true;
  readonly force?: true;
  readonly start: number;
  readonly now: number;
}

const WRITERS = { ndjson: writeNdjson, bundles: writeBundles } as const;
const MOST_PATIENTS = 10_000_000;

const EXAMPLES = `
Examples:
  fairway demo-data --patients 100 --out ./demo
  fairway demo-data --patients 10000 --seed 7 --gzip --out ./million
  fairway demo-data --patients 50 --format bundles --out ./bundles && fairway load ./bundles`;

export function demoDataCommand(deps: DemoDataDeps): Command {
  const command = new Command('demo-data');
  command
    .description('Writes a generated population, US Core shaped, as files')
    .requiredOption('--patients <number>', 'how many patients', wholeNumber(1, MOST_PATIENTS))
    .requiredOption('--out <folder>', 'folder to write into; made if it is not there')
    .option(
      '--seed <number>',
      'the same seed writes the same bytes',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      1,
    )
    .addOption(
      new Option('--format <kind>', 'ndjson: one file per type; bundles: one transaction per patient')
        .choices(Object.keys(WRITERS))
        .default('ndjson'),
    )
    .option('--gzip', 'compress the files')
    .option(
      '--start <index>',
      'index of the first patient, to make a population in parts',
      wholeNumber(0, MOST_PATIENTS),
      0,
    )
    .addOption(
      new Option('--now <date>', 'the day from which all dates count back')
        .argParser(day)
        .default(DEFAULT_NOW, new Date(DEFAULT_NOW).toISOString().slice(0, 10)),
    )
    .option('--force', 'write into a folder that has files, over those of the same name')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => run(command, flags, deps));
  return command;
}

async function run(command: Command, flags: Flags, deps: DemoDataDeps): Promise<void> {
  const { out, patients, seed, start, now } = flags;
  await mkdir(out, { recursive: true });
  if (flags.force !== true && (await readdir(out)).length > 0) {
    command.error(`${out} is not empty: name another folder, or add --force to write into it.`, {
      exitCode: 2,
    });
  }
  const options: PopulationOptions = { seed, patients, start, now };
  const meter = deps.progress('resources', patients);
  const counts = await WRITERS[flags.format](options, out, {
    gzip: flags.gzip === true,
    onPatient: (done, resources) => meter.update(done, resources),
  });
  meter.finish();
  deps.output.write(summary(counts, out));
}

/** A line for each type, most of them first. */
function summary(counts: Counts, folder: string): string {
  const rows = [...counts].sort(([, left], [, right]) => right - left);
  const width = Math.max(...rows.map(([type]) => type.length));
  const lines = rows.map(([type, count]) => `  ${type.padEnd(width)}  ${countText(count).padStart(11)}`);
  const total = rows.reduce((sum, [, count]) => sum + count, 0);
  return `${lines.join('\n')}\n${countText(total)} resources written to ${folder}\n`;
}

function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`a whole number from ${low} to ${high}, please.`);
  };
}

function day(text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new InvalidArgumentError('a date, please: YYYY-MM-DD.');
}
