/**
 * `fairway backup`: a consistent copy of the store, also while a server writes to it.
 *
 * Invariant: the file appears under its name only when it is whole and was verified; an existing file is not replaced
 * unasked.
 */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Command } from 'commander';

export interface BackupDeps {
  /** Copies the store and verifies the copy, which then takes its name; `done` and `total` are pages. */
  readonly copyStore: (file: string, onProgress: (done: number, total: number) => void) => Promise<void>;
  readonly output: { write(text: string): unknown };
  readonly status: { write(text: string): unknown; readonly isTTY?: boolean };
}

const EXAMPLES = `
Examples:
  fairway backup /backup/fairway-2026-01-01.db
  fairway backup --force /backup/latest.db

The copy is one file and holds everything: versions, deletions, settings of the store. fairway restore brings it back.`;

export function backupCommand(deps: BackupDeps): Command {
  return new Command('backup')
    .description('Copies the store to a file, while the server may run')
    .argument('<file>', 'the file to write')
    .option('--force', 'replace the file if it exists')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { force }: { force?: true }) => {
      if (force !== true && existsSync(file)) {
        throw new Error(`${file} exists: name another file, or replace it with --force.`);
      }
      await backUp(file, deps);
    });
}

async function backUp(file: string, { copyStore, output, status }: BackupDeps): Promise<void> {
  const visible = status.isTTY === true;
  await copyStore(file, (done, total) => {
    if (visible) status.write(`\r${total === 0 ? 100 : Math.floor((100 * done) / total)} %`);
  });
  if (visible) status.write('\r     \r');
  const { size } = await stat(file);
  output.write(`${file}: ${(size / 1e6).toFixed(1)} MB, verified\n`);
}
