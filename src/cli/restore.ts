/**
 * `fairway restore`: puts a backup in the place of the store.
 *
 * Invariant: the backup is verified before anything is replaced, and nothing is replaced while a server runs.
 */
import { Command } from 'commander';

export interface RestoreDeps {
  /** Where the store is. */
  readonly target: () => string;
  /** Whether there is a store that would be replaced. */
  readonly exists: (target: string) => boolean;
  /** Verifies the backup, then replaces the store in one step; throws where it is in use. */
  readonly restore: (file: string, target: string) => void | Promise<void>;
  readonly output: { write(text: string): unknown };
}

const EXAMPLES = `
Examples:
  fairway restore /backup/fairway-2026-01-01.db              into an empty data folder
  fairway restore --force /backup/fairway-2026-01-01.db      in the place of the store that is there

Stop the server first. Set FAIRWAY_DATA_DIR to restore to another place.`;

export function restoreCommand({ target, exists, restore, output }: RestoreDeps): Command {
  return new Command('restore')
    .description('Puts a backup in the place of the store, after it was verified')
    .argument('<file>', 'the backup')
    .option('--force', 'replace the store that is there')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { force }: { force?: true }) => {
      const place = target();
      if (force !== true && exists(place)) {
        throw new Error(
          `${place} is a store already: restore elsewhere (FAIRWAY_DATA_DIR), or replace it with --force.`,
        );
      }
      await restore(file, place);
      output.write(`${place}: restored from ${file}\n`);
    });
}
