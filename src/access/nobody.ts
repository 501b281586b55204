/** The decision for a request that needs no token: what it asks for holds no resource, and it sees none. */
import type { AccessDecision } from '../ports/access-filter.js';

const NOTHING = { kind: 'restricted', byType: {} } as const;

export const NOBODY: AccessDecision = { principal: 'nobody', read: NOTHING, write: NOTHING };
