/** `fairway run-jobs`, which the server starts itself when there are jobs, and which may be started beside it. */
import { Command } from 'commander';

export interface RunJobsDeps {
  readonly run: () => Promise<void>;
}

export function runJobsCommand({ run }: RunJobsDeps): Command {
  return new Command('run-jobs')
    .description('Works on jobs (exports, imports, bulk deletes) until there are none')
    .action(run);
}
