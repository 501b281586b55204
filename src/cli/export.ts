/**
 * `fairway export`: pulls everything that may be had from another server by FHIR Bulk Data.
 *
 * Invariant: exit status 0 = everything is in, 1 = something was refused or is missing (and is listed), 2 = it could not be
 * done.
 */
import { Command, InvalidArgumentError } from 'commander';
import type { Pull, Since } from '../jobs/bulk-client/pull.js';
import { type ExportListener, type ExportSummary, isComplete } from '../jobs/bulk-client/report.js';
import { baseUrl, type ExportLevel, sinceInstant } from '../jobs/bulk-client/request.js';
import { readSigningKey } from '../jobs/bulk-client/signing-key.js';
import type { Credentials } from '../jobs/bulk-client/tokens.js';
import { Progress, type ProgressStream } from './progress.js';
import { countOf, countText } from './units.js';

export interface ExportDeps {
  readonly pull: (wanted: Pull, listener: ExportListener) => Promise<ExportSummary>;
  readonly readFile: (file: string) => string;
  /** Where the result goes. */
  readonly output: { write(text: string): unknown };
  /** Where progress and trouble go. */
  readonly status: ProgressStream;
  readonly exit: (status: number) => void;
}

interface Flags {
  readonly clientId?: string;
  readonly key?: string;
  readonly kid?: string;
  readonly tokenUrl?: string;
  readonly scope: string;
  readonly group?: string;
  readonly patients?: true;
  readonly type: readonly string[];
  readonly typeFilter: readonly string[];
  readonly since?: string;
  readonly sinceLast?: true;
  readonly out: string;
  readonly parallel: number;
  readonly again?: true;
}

const SOME_MISSING = 1;
const MOST_PARALLEL = 32;

const EXAMPLES = `
Examples:
  fairway export https://fhir.example.org/r4 --client-id night --key key.json --out night
  fairway export https://fhir.example.org/r4 --client-id night --key key.pem --group diabetes --type Patient,Observation
  fairway export https://fhir.example.org/r4 --client-id night --key key.json --out night --since-last
  fairway export http://localhost:8080/fhir --patients --type-filter 'Observation?category=laboratory'
  fairway load night                     what was fetched, into the store

Each export gets a folder of its own below --out: its manifest.json and its files, each checked line by line and against the
server's count. An export that was interrupted, however, goes on when the same command is given again. --since-last asks for
what has changed since the last export in that folder of which everything was in. The key is a private JWK or PEM file, P-384
or RSA; the server must know its public part. Hosts with private addresses other than those named here are reached where
FAIRWAY_FETCH_PRIVATE_HOSTS lists them.

Exit status: 0 all is in, 1 something was refused or is missing, 2 it could not be done.`;

export function exportCommand(deps: ExportDeps): Command {
  const command = new Command('export');
  command
    .description('Pulls data from another server by FHIR Bulk Data, goes on where it was interrupted')
    .argument('<url>', 'the FHIR base of the server')
    .option('--client-id <id>', 'who we are there (SMART Backend Services); without it, no authorization')
    .option('--key <file>', 'the private key: JWK or PEM')
    .option('--kid <kid>', 'which key it is, where the file does not say; else its thumbprint')
    .option('--token-url <url>', "where tokens are given; else the server's SMART configuration says it")
    .option('--scope <scopes>', 'what access is asked for', 'system/*.rs')
    .option('--group <id>', 'the members of a group')
    .option('--patients', 'all patients; without --group and --patients, everything')
    .option('--type <types>', 'only these types, with commas or repeated', words, [])
    .option(
      '--type-filter <search>',
      'only what a search finds, like Observation?category=laboratory; repeatable',
      list,
      [],
    )
    .option('--since <time>', 'only what has changed since then')
    .option('--since-last', 'only what has changed since the last complete export in the folder')
    .option('--out <folder>', 'where to', 'export')
    .option('--parallel <number>', 'files at a time', parallel, 4)
    .option('--again', 'start anew instead of going on with an unfinished export')
    .addHelpText('after', EXAMPLES)
    .action(async (url: string, flags: Flags) => {
      const wanted = await wantedOf(command, url, flags, deps);
      const summary = await run(wanted, deps);
      deps.output.write(summaryText(summary));
      if (!isComplete(summary)) deps.exit(SOME_MISSING);
    });
  return command;
}

async function wantedOf(command: Command, url: string, flags: Flags, deps: ExportDeps): Promise<Pull> {
  const { out, parallel: atOnce, type, typeFilter, again } = flags;
  return {
    request: { base: baseUrl(url), level: levelOf(command, flags), types: type, typeFilters: typeFilter },
    since: sinceOf(command, flags),
    credentials: await credentialsOf(command, flags, deps),
    out,
    parallel: atOnce,
    again: again === true,
  };
}

function levelOf(command: Command, { group, patients }: Flags): ExportLevel {
  if (group !== undefined && patients === true) command.error('--group and --patients exclude each other.');
  if (group !== undefined) return { kind: 'group', id: group };
  return { kind: patients === true ? 'patients' : 'system' };
}

function sinceOf(command: Command, { since, sinceLast }: Flags): Since {
  if (since !== undefined && sinceLast === true)
    command.error('--since and --since-last exclude each other.');
  if (since !== undefined) return { kind: 'at', instant: sinceInstant(since) };
  return { kind: sinceLast === true ? 'last' : 'always' };
}

async function credentialsOf(
  command: Command,
  { clientId, key, kid, tokenUrl, scope }: Flags,
  { readFile }: ExportDeps,
): Promise<Credentials | undefined> {
  if (clientId === undefined && key === undefined) return undefined;
  if (clientId === undefined || key === undefined) command.error('--client-id and --key go together.');
  if (tokenUrl !== undefined && !(URL.canParse(tokenUrl) && /^https?:/.test(tokenUrl)))
    command.error('--token-url is a URL with https://.');
  const signing = await readSigningKey(readFile(key), kid);
  return { clientId, key: signing, scope, ...(tokenUrl === undefined ? {} : { tokenUrl }) };
}

async function run(wanted: Pull, deps: ExportDeps): Promise<ExportSummary> {
  let progress: Progress | undefined;
  let total: number | undefined;
  const note = (line: string): void => {
    if (progress === undefined) deps.status.write(`${line}\n`);
    else progress.note(line);
  };
  const summary = await deps.pull(wanted, {
    note,
    found: ({ files, resources }) => {
      total = resources;
      note(`${countOf(files, 'file', 'files')} to fetch`);
      progress = new Progress(deps.status, 'resources', resources ?? files);
    },
    progress: ({ files, resources }) => progress?.update(total === undefined ? files : resources, resources),
  });
  for (const { name, reason } of summary.missing) note(`missing ${name}: ${reason}`);
  for (const text of summary.serverErrors) note(`not exported by the server: ${text}`);
  progress?.finish();
  return summary;
}

function summaryText(summary: ExportSummary): string {
  const { resources, deleted, missing, serverErrorCount, files, folder, transactionTime } = summary;
  const total = [...resources.values()].reduce((sum, count) => sum + count, 0);
  const width = countText(total).length;
  const facts: readonly (readonly [count: number, one: string, many: string])[] = [
    [deleted, 'resource is no more', 'resources are no more (in deleted.*.ndjson)'],
    [
      missing.length,
      'file is missing: the same command tries it again',
      'files are missing: the same command tries them again',
    ],
    [serverErrorCount, 'error at the server (in error.*.ndjson)', 'errors at the server (in error.*.ndjson)'],
  ];
  return [
    ...[...resources].sort().map(([type, count]) => `${countText(count).padStart(width)} ${type}`),
    `${countOf(total, 'resource', 'resources')} in ${countOf(files - missing.length, 'file', 'files')} in ${folder}, as of ${transactionTime}`,
    ...facts.filter(([count]) => count > 0).map((fact) => countOf(...fact)),
    '',
  ].join('\n');
}

function words(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(',').map((word) => word.trim())];
}

function list(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function parallel(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MOST_PARALLEL) return value;
  throw new InvalidArgumentError(`a whole number from 1 to ${MOST_PARALLEL}, please.`);
}
