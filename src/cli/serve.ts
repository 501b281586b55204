/** `fairway serve`: runs the server until it is told to stop. */
import { Command } from 'commander';

export interface ServeDeps {
  /** Resolves with the exit status when the server has stopped. */
  readonly serve: () => Promise<number>;
}

const EXAMPLES = `
Examples:
  fairway serve                                      clients come in with tokens: fairway client add
  FAIRWAY_AUTH=open fairway serve                    open to every program of this machine
  FAIRWAY_AUTH=open FAIRWAY_DEMO=on fairway serve    with a small demo population in an empty store
  fairway serve --config /etc/fairway.json

SIGTERM or Ctrl-C stops it: requests in flight are finished, then the store is closed.`;

export function serveCommand({ serve }: ServeDeps): Command {
  return new Command('serve')
    .description('Runs the server')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      process.exitCode = await serve();
    });
}
