/**
 * `fairway doctor`: checks the set-up, says what is wrong and what to do about it.
 *
 * Invariant: every check is made, whatever the others find; the exit status is 1 where one found a problem.
 */
import { Command } from 'commander';

export interface Check {
  readonly name: string;
  /** What was found, in a few words; throws an error that says the problem and the way out. */
  readonly run: () => string | Promise<string>;
}

export interface DoctorDeps {
  readonly checks: () => readonly Check[];
  /** The JSON Schema of the configuration file. */
  readonly schema: () => string;
  readonly output: { write(text: string): unknown };
}

const EXAMPLES = `
Examples:
  fairway doctor
  fairway doctor --config /etc/fairway.json
  fairway doctor --schema > fairway.schema.json    what can be set, as JSON Schema`;

export function doctorCommand({ checks, schema, output }: DoctorDeps): Command {
  return new Command('doctor')
    .description('Checks the set-up and says what is wrong')
    .option('--schema', 'print the JSON Schema of the configuration file instead')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { schema?: true }) => {
      if (options.schema === true) {
        output.write(`${schema()}\n`);
        return;
      }
      const problems = await examine(checks(), output);
      output.write(
        problems === 0 ? '\nAll is well.\n' : `\n${problems} problem${problems === 1 ? '' : 's'}.\n`,
      );
      if (problems > 0) process.exitCode = 1;
    });
}

async function examine(checks: readonly Check[], output: DoctorDeps['output']): Promise<number> {
  let problems = 0;
  for (const { name, run } of checks) {
    try {
      output.write(`ok       ${name}: ${await run()}\n`);
    } catch (error) {
      problems += 1;
      const text = error instanceof Error ? error.message : String(error);
      output.write(`problem  ${name}: ${text.replaceAll('\n', '\n         ')}\n`);
    }
  }
  return problems;
}
