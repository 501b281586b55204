/** The decision for a request that needs no token: what it asks for holds no resource, and it sees none. */
import { type AccessDecision, permitting } from '../ports/access-filter.js';

export const NOBODY: AccessDecision = {
  principal: 'nobody',
  ...permitting({ kind: 'restricted', byType: {} }),
};
