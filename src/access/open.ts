/**
 * The decision of a server without authorization (FAIRWAY_AUTH=open, loopback only) and of its operator's commands.
 *
 * Invariant: unrestricted access is said out loud, with its reason, never the outcome of something missing.
 */
import { type AccessDecision, permitting } from '../ports/access-filter.js';

export function openAccess(reason: string): AccessDecision {
  return { principal: 'open', ...permitting({ kind: 'unrestricted', reason }) };
}
