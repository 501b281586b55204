/** Asking for audit events until they are there: a search on a busy machine says that some are still being made. */
import type { Answer, World } from '../testing.js';

/** The answer to a search for audit events that is complete. */
export async function askOfAudit(world: World, line: string): Promise<Answer> {
  const answer = await world.ask(line);
  const isIncomplete = answer.text.includes('Audit events of the latest requests are still being made');
  return isIncomplete ? askOfAudit(world, line) : answer;
}
