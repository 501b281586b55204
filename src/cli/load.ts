/**
 * `fairway load`: files into the store, also while the server runs.
 *
 * Invariant: exit status 0 = everything is in, 1 = something was refused (and is listed), 2 = it could not be done.
 */
import type { Readable } from 'node:stream';
import { Command } from 'commander';
import { type LoadTarget, load } from '../jobs/load.js';
import { type LoadFile, loadFiles } from '../jobs/load-inputs.js';
import type { LoadListener, LoadRefusal, LoadSummary } from '../jobs/load-report.js';
import { Progress, type ProgressStream } from './progress.js';
import { countOf, countText } from './units.js';

export interface LoadDeps {
  readonly openTenant: () => Promise<LoadTarget & { close(): Promise<void> }>;
  /** What `-` reads. */
  readonly input: Readable;
  /** Where the result goes. */
  readonly output: { write(text: string): unknown };
  /** Where progress and refusals go. */
  readonly status: ProgressStream;
  readonly exit: (status: number) => void;
}

interface Flags {
  readonly dryRun?: true;
  readonly again?: true;
}

const SOME_REFUSED = 1;

const EXAMPLES = `
Examples:
  fairway load ./synthea                     a folder of bundles; hospitals and practitioners go first
  fairway load Patient.ndjson.gz             one resource per line, stored under its id
  cat bundle.json | fairway load -
  fairway load --dry-run ./incoming          checks everything, stores nothing

Bundles of type transaction and batch are carried out, each transaction as a whole; collection and searchset bundles and
single resources are stored under their ids. What is refused is listed with file and line, and the rest goes in. A load
that was interrupted goes on where it ended when it is started again; files that are in are left out, unless they were
changed or --again is given.

Exit status: 0 all is in, 1 something was refused, 2 it could not be done.`;

export function loadCommand(deps: LoadDeps): Command {
  return new Command('load')
    .description('Loads bundles, NDJSON and single resources, plain or .gz, into the store')
    .argument('<file...>', 'files, folders, or - for standard input')
    .option('--dry-run', 'check everything, store nothing')
    .option('--again', 'load files that are in already, too')
    .addHelpText('after', EXAMPLES)
    .action(async (inputs: readonly string[], flags: Flags) => {
      const summary = await run(inputs, flags, deps);
      deps.output.write(summaryText(summary, flags.dryRun === true));
      if (summary.refused > 0) deps.exit(SOME_REFUSED);
    });
}

async function run(inputs: readonly string[], flags: Flags, deps: LoadDeps): Promise<LoadSummary> {
  const files = loadFiles(inputs);
  const tenant = await deps.openTenant();
  const progress = new Progress(deps.status, 'resources', knownBytes(files));
  try {
    const options = { dryRun: flags.dryRun === true, again: flags.again === true, standardInput: deps.input };
    const summary = await load(files, tenant, options, listener(progress));
    progress.finish();
    return summary;
  } finally {
    await tenant.close();
  }
}

/** Undefined where the end of an input is not known. */
function knownBytes(files: readonly LoadFile[]): number | undefined {
  let sum = 0;
  for (const { size } of files) {
    if (size === undefined) return undefined;
    sum += size;
  }
  return sum;
}

function listener(progress: Progress): LoadListener {
  return {
    progress: ({ bytes, resources }) => progress.update(bytes, resources),
    refused: (refusal) => {
      for (const line of refusalLines(refusal)) progress.note(line);
    },
    skipped: ({ name }) => progress.note(`${name}: is in already, left out (--again loads it again)`),
  };
}

function refusalLines({ file, line, reasons }: LoadRefusal): readonly string[] {
  const place = line === undefined ? file : `${file}:${line}`;
  const [first = 'no reason was given', ...others] = reasons;
  return [`refused ${place}: ${first}`, ...others.map((reason) => `  ${reason}`)];
}

function summaryText(summary: LoadSummary, isDryRun: boolean): string {
  const { stored, found, repeated, refused, skippedFiles } = summary;
  const total = [...stored.values()].reduce((sum, count) => sum + count, 0);
  const width = countText(total).length;
  const repeats = 'stored by an interrupted load';
  const facts: readonly (readonly [count: number, one: string, many: string])[] = [
    [found, 'was there already (conditional create)', 'were there already (conditional creates)'],
    [
      repeated,
      `transaction or entry of a batch had been ${repeats}`,
      `transactions and entries of batches had been ${repeats}`,
    ],
    [skippedFiles, 'file was in already', 'files were in already'],
    [refused, 'refused', 'refused'],
  ];
  return [
    ...[...stored].map(([type, count]) => `${countText(count).padStart(width)} ${type}`),
    `${countOf(total, 'resource', 'resources')} ${isDryRun ? 'checked, none stored' : 'stored'}`,
    ...facts.filter(([count]) => count > 0).map((fact) => countOf(...fact)),
    '',
  ].join('\n');
}
