/** The tenant as commands of the operator take it; the log goes to standard error, warnings and worse alone. */
import type { Config } from '../config.js';
import type { Context } from '../interactions/context.js';
import type { Ledger } from '../ports/ledger.js';
import { openLog } from './process-log.js';
import { openTenant, operatorContext } from './tenant.js';

export interface CommandTenant {
  readonly context: Context;
  readonly ledger: Ledger;
  readonly close: () => Promise<void>;
}

export async function openForCommand(config: Config): Promise<CommandTenant> {
  const level = config.logLevel === 'info' ? 'warn' : config.logLevel;
  const { parts, store } = await openTenant(config, openLog(level, 2));
  return { context: operatorContext(parts, 'operator'), ledger: store.ledger, close: () => store.close() };
}
