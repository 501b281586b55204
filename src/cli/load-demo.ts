/** `fairway load-demo`, which the server starts itself when FAIRWAY_DEMO is on and the store is empty. */
import { Command } from 'commander';

export interface LoadDemoDeps {
  readonly load: () => Promise<void>;
}

export function loadDemoCommand({ load }: LoadDemoDeps): Command {
  return new Command('load-demo').description('Loads the demo population into the store').action(load);
}
