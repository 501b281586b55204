/**
 * `fairway sources`: the servers that data is pulled from on a schedule; lists what came of their runs, and runs one now.
 *
 * Invariant: exit status 0 = the run was good, 1 = it failed or something is missing, 2 = it could not be done.
 */
import { Command } from 'commander';
import type { FinishedRun, SourceState, UnderwayRun } from '../jobs/source/source-spec.js';
import type { JobProgress } from '../ports/jobs.js';
import type { ProgressStream } from './progress.js';
import { countText } from './units.js';

export interface SourceView {
  readonly name: string;
  readonly url: string;
  /** Milliseconds. */
  readonly every?: number;
  readonly state: SourceState;
  readonly underway?: UnderwayRun & { readonly progress?: JobProgress };
}

export interface SourcesView {
  list(): Promise<readonly SourceView[]>;
  /** Begins a run, or joins the one that is under way; resolves when it has ended. */
  run(name: string, told: (view: SourceView) => void): Promise<SourceView>;
}

export interface SourcesDeps {
  readonly withSources: <T>(work: (view: SourcesView) => Promise<T>) => Promise<T>;
  readonly output: { write(text: string): unknown };
  readonly status: ProgressStream;
  readonly exit: (status: number) => void;
}

const NOT_GOOD = 1;

const EXAMPLES = `
Examples:
  fairway sources list            when each was pulled, what came of it, when it is due
  fairway sources run night       now, and what has changed since the last good run alone

Sources are a section of the configuration file. Both commands work while the server runs.

Exit status of run: 0 all is in, 1 it failed or something is missing, 2 it could not be done.`;

export function sourcesCommand(deps: SourcesDeps): Command {
  const command = new Command('sources')
    .description('Lists and runs the servers that data is pulled from on a schedule')
    .addHelpText('after', EXAMPLES);
  command
    .command('list')
    .description('Shows each source and its last run')
    .action(() =>
      deps.withSources(async (view) => {
        const sources = await view.list();
        if (sources.length === 0) deps.output.write('The configuration has no sources.\n');
        for (const source of sources) deps.output.write(`${linesOf(source).join('\n')}\n`);
      }),
    );
  command
    .command('run')
    .description('Pulls from a source now')
    .argument('<name>', 'its name in the configuration')
    .action((name: string) => deps.withSources((view) => run(name, view, deps, command)));
  return command;
}

async function run(name: string, view: SourcesView, deps: SourcesDeps, command: Command): Promise<void> {
  const names = (await view.list()).map((source) => source.name);
  if (!names.includes(name)) {
    const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
    command.error(`The configuration has no source ${name}: ${known}.`);
  }
  let told = '';
  const source = await view.run(name, ({ underway }) => {
    const text = progressText(underway?.progress);
    if (text !== told) deps.status.write(`${text}\n`);
    told = text;
  });
  deps.output.write(`${linesOf(source).join('\n')}\n`);
  if (source.state.last?.outcome !== 'good') deps.exit(NOT_GOOD);
}

function linesOf({ name, url, every, state, underway }: SourceView): readonly string[] {
  const { last, since, failures, due } = state;
  return [
    `${name}  ${url}  ${every === undefined ? 'on demand' : `every ${every / 1000} s`}`,
    ...(underway === undefined
      ? []
      : [`  under way since ${time(underway.began)}: ${progressText(underway.progress)}`]),
    ...(last === undefined ? ['  never pulled'] : lastLines(last)),
    ...(since === undefined ? [] : [`  all of it is in as of ${since}`]),
    ...(failures > 1 ? [`  ${failures} failures in a row`] : []),
    ...(every === undefined || underway !== undefined
      ? []
      : [`  due ${due === 0 ? 'now' : `at ${time(due)}`}`]),
  ];
}

function lastLines({ outcome, ended, stored, deleted, refused, problem }: FinishedRun): readonly string[] {
  const counts = `${countText(stored)} stored, ${countText(deleted)} deleted, ${countText(refused)} refused`;
  return [
    `  last run ${outcome} at ${time(ended)}: ${counts}`,
    ...(problem === undefined ? [] : [`  ${problem}`]),
  ];
}

function progressText(progress: JobProgress | undefined): string {
  if (progress === undefined || progress.total === 0) return 'beginning';
  const { done, total, parts, finishedParts } = progress;
  return `${Math.floor((100 * done) / total)} %, ${finishedParts} of ${parts} parts`;
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
