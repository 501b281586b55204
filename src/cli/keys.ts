/** `fairway keys`: the keys that id_tokens are signed with. Works while the server runs. */
import { Command } from 'commander';
import type { SigningKeys } from '../authorization/keys/signing-keys.js';

export interface KeysDeps {
  readonly withKeys: <T>(
    work: (keys: Pick<SigningKeys, 'list' | 'rotate' | 'discard'>) => Promise<T>,
  ) => Promise<T>;
  readonly output: { write(text: string): unknown };
}

const EXAMPLES = `
Examples:
  fairway keys list
  fairway keys rotate              from now on a new key signs; the old one stays published until its tokens have ended
  fairway keys rotate --discard    the old keys are given up at once: one was stolen, or their sealing key is lost

They rotate by themselves too (FAIRWAY_SIGNING_KEY_DAYS). In the store they are encrypted with keys/sealing.key of the data
folder, or FAIRWAY_SECRET_KEY: keep that apart from backups of the store.`;

export function keysCommand({ withKeys, output }: KeysDeps): Command {
  const command = new Command('keys')
    .description('Shows and rotates the keys that id_tokens are signed with')
    .addHelpText('after', EXAMPLES);
  command.addCommand(
    new Command('list').description('Lists them, the one that signs first').action(async () => {
      const keys = await withKeys((each) => each.list());
      for (const { kid, created } of keys) output.write(`${kid}  ${new Date(created).toISOString()}\n`);
    }),
  );
  command.addCommand(
    new Command('rotate')
      .description('Makes a new key, which signs from now on')
      .option('--discard', 'give up the old keys at once')
      .action(async ({ discard }: { discard?: true }) => {
        const [newest] = await withKeys(async (keys) => {
          if (discard === true) await keys.discard();
          await keys.rotate();
          return keys.list();
        });
        output.write(`${newest?.kid} signs from now on\n`);
      }),
  );
  return command;
}
