/**
 * The command line: which commands there are, and how one is run. Only the command that is asked for is loaded, so that
 * `--help` and short commands start quickly.
 *
 * Invariant: what goes wrong is one line on standard error and exit status 2; a stack only where FAIRWAY_DEBUG is set.
 */
import { Command, CommanderError } from 'commander';

export interface Globals {
  /** From `--config`. */
  readonly config: string | undefined;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** The program's own: not listed. */
  readonly hidden?: true;
  readonly load: (globals: () => Globals) => Promise<Command>;
}

export interface ProgramParts {
  readonly version: string;
  readonly commands: readonly CommandEntry[];
  readonly output: { write(text: string): unknown };
  readonly errors: { write(text: string): unknown };
  /** Show stacks. */
  readonly debug: boolean;
}

const COULD_NOT_RUN = 2;

const EXAMPLES = `
Examples:
  fairway serve                          run the server: clients come in with tokens
  FAIRWAY_AUTH=open fairway serve        run it open to this machine
  fairway load population/               load bundles, NDJSON and .gz from a folder
  fairway export https://fhir.example.org/r4 --client-id night --key key.json --out night
  fairway demo-data --patients 100 --seed 1 --out population
  fairway client add --type backend --jwks keys.json --scope "system/*.rs"
  fairway backup /backup/fairway.db      copy the store while the server runs
  fairway doctor                         check the set-up

Settings come from --config FILE (JSON), from FAIRWAY_CONFIG, and from FAIRWAY_… variables, which win.
fairway doctor --schema prints what there is to set.`;

/** Resolves with the exit status, unless the command set process.exitCode, which then stands. */
export async function runProgram(parts: ProgramParts, words: readonly string[]): Promise<number> {
  try {
    const program = await makeProgram(parts, words);
    await program.parseAsync([...words], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : COULD_NOT_RUN;
    parts.errors.write(`fairway: ${textOf(error, parts.debug)}\n`);
    return COULD_NOT_RUN;
  }
}

async function makeProgram(parts: ProgramParts, words: readonly string[]): Promise<Command> {
  const program = new Command('fairway')
    .description('A FHIR R4 server')
    .version(parts.version)
    .option('--config <file>', 'a JSON file with settings')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXAMPLES);
  const globals = (): Globals => {
    const { config } = program.opts<{ config?: string }>();
    return { config };
  };
  for (const { name, summary, load, hidden = false } of parts.commands) {
    if (words.includes(name)) program.addCommand((await load(globals)).summary(summary), { hidden });
    else program.command(name, { hidden }).description(summary);
  }
  speakThrough(program, parts);
  return program;
}

function speakThrough(command: Command, parts: ProgramParts): void {
  const { output, errors } = parts;
  command.exitOverride().configureOutput({
    writeOut: (text) => void output.write(text),
    writeErr: (text) => void errors.write(text),
    outputError: (text, write) => write(text.replace(/^error: /, 'fairway: ').replace('\n(Did', ' (Did')),
  });
  command.configureHelp({ showGlobalOptions: true });
  for (const inner of command.commands) speakThrough(inner, parts);
}

function textOf(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  return debug ? (error.stack ?? error.message) : error.message;
}
