/**
 * Access decisions as requests need them: that of a grant is made once and kept, as most requests of an app carry the
 * same one. (Making one takes a millisecond or two, since there are 146 types; finding it again some microseconds.)
 *
 * Invariant: a decision is used for equal grants alone, under the definitions that it was made with, and never past its own
 * end or that of its grant.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { Grant } from '../smart/grant.js';
import { writeResourceScope } from '../smart/scope.js';
import { emergencyReason } from './emergency.js';
import { accessOf, powerless } from './grant-access.js';
import type { Policies } from './policies.js';

export interface DecideAccess {
  (grant: Grant, definitions: Definitions, now: number): AccessDecision;
  /** The same in an emergency, for one request. Throws the refusal where the glass may not be broken. */
  inEmergency(reason: string, grant: Grant, definitions: Definitions, now: number): AccessDecision;
}

interface Kept {
  readonly definitions: Definitions;
  readonly decision: AccessDecision;
}

const MOST = 2_000;

/** `isAudited`: what is done in an emergency is recorded. */
export function accessDecider(policies: Policies, baseUrl: string, isAudited = false): DecideAccess {
  /** In the order of last use. */
  const kept = new Map<string, Kept>();
  const decide = (grant: Grant, definitions: Definitions, now: number): AccessDecision => {
    if (now >= grant.expires) return powerless(grant);
    const key = keyOf(grant);
    const known = kept.get(key);
    const decision =
      known?.definitions === definitions && now < (known.decision.until ?? grant.expires)
        ? known.decision
        : accessOf(grant, { definitions, baseUrl, now }, policies);
    kept.delete(key);
    kept.set(key, { definitions, decision });
    for (const [oldest] of kept) {
      if (kept.size <= MOST) break;
      kept.delete(oldest);
    }
    return decision;
  };
  return Object.assign(decide, {
    inEmergency: (written: string, grant: Grant, definitions: Definitions, now: number): AccessDecision => {
      const reason = emergencyReason(written, grant, policies, isAudited);
      return accessOf(grant, { definitions, baseUrl, now }, policies, reason);
    },
  });
}

/** All that a decision is made of; each part with its length, so that no two grants have one key. */
function keyOf({ principal, scopes, patient, user, represents = [] }: Grant): string {
  const parts = [
    principal,
    patient === undefined ? '-' : `=${patient}`,
    ...(user === undefined ? ['-'] : ['=', user.fhirUser.type, user.fhirUser.id]),
    ...(user?.roles ?? []).map((role) => `role ${role}`),
    ...(user?.patients ?? []).map((id) => `patient ${id}`),
    ...represents.map((one) => `for ${one}`),
    ...scopes.map((scope) => `scope ${writeResourceScope(scope)}`),
  ];
  return parts.map((part) => `${part.length} ${part}`).join('\n');
}
