import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { type CommandEntry, runProgram } from './program.js';

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'greet',
    summary: 'says hello',
    load: async (globals) =>
      new Command('greet')
        .description('Says hello at length')
        .option('--loud', 'in capitals')
        .action(() => {
          throw new Error(`no one to greet with ${globals().config ?? 'no file'}`);
        }),
  },
  {
    name: 'never',
    summary: 'is not asked for',
    load: () => {
      throw new Error('loaded although it was not asked for');
    },
  },
];

async function run(...words: readonly string[]): Promise<{ status: number; output: string; errors: string }> {
  const written = { output: '', errors: '' };
  const into = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const status = await runProgram(
    { version: '1.2.3', commands: COMMANDS, output: into('output'), errors: into('errors'), debug: false },
    words,
  );
  return { status, ...written };
}

describe('the command line', () => {
  it('lists its commands with examples', async () => {
    const { status, output } = await run('--help');

    expect(status).toBe(0);
    expect(output).toMatch(/greet +says hello/);
    expect(output).toContain('Examples:');
  });

  it.each([[['greet', '--help']], [['help', 'greet']]])('explains a command: %j', async (words) => {
    const { status, output } = await run(...words);

    expect(status).toBe(0);
    expect(output).toContain('Says hello at length');
    expect(output).toContain('--loud');
    expect(output).toContain('--config <file>');
  });

  it('tells its version', async () => {
    expect(await run('--version')).toEqual({ status: 0, output: '1.2.3\n', errors: '' });
  });

  it.each([
    [['greed'], /^fairway: unknown command 'greed' \(Did you mean greet\?\)\n$/],
    [['greet', '--lout'], /^fairway: unknown option '--lout' \(Did you mean --loud\?\)\n$/],
    [['greet', '--config'], /^fairway: option '--config <file>' argument missing\n$/],
    [['greet'], /^fairway: no one to greet with no file\n$/],
    [['greet', '--config', 'a.json'], /^fairway: no one to greet with a\.json\n$/],
    [['--config', 'a.json', 'greet'], /^fairway: no one to greet with a\.json\n$/],
  ])('says what is wrong with %j, without a stack', async (words, text) => {
    const { status, errors } = await run(...words);

    expect(status).toBe(2);
    expect(errors).toMatch(text);
  });

  it('shows its help where no command is named', async () => {
    const { status, errors } = await run();

    expect(status).toBe(2);
    expect(errors).toContain('Usage: fairway');
  });
});
