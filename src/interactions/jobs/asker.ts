/**
 * Who asked for a job that changes resources, as plain data that travels with it.
 *
 * Invariant: what the job does is decided by the access of its kick-off, and recorded as done by who made it.
 */
import type { AccessDecision } from '../../ports/access-filter.js';
import type { Context } from '../context.js';

export interface Asker {
  readonly access: AccessDecision;
  /** For the audit log: of the kick-off. */
  readonly requestId: string;
  readonly network?: string;
}

export function askerOf({ access, requestId, audit }: Context): Asker {
  const network = audit?.source.network;
  return { access, requestId, ...(network === undefined ? {} : { network }) };
}
