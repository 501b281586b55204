/**
 * Breaking the glass: a clinician opens in an emergency what Consents and labels keep from them (src/decisions/011). One
 * request at a time, with a reason, where the policy of the role allows it, and only where it is recorded.
 * https://terminology.hl7.org/CodeSystem-v3-ActReason.html (BTG)
 *
 * Invariant: it lifts what Consents deny and what roles withhold, and nothing else: scopes, rules and the patient in context
 * stay as they are.
 */
import { Refusal } from '../fhir/outcome.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { Grant } from '../smart/grant.js';
import { powerless } from './grant-access.js';
import type { Policies } from './policies.js';

/** In lower case, as requests are asked for it. */
export const EMERGENCY_HEADER = 'x-fairway-emergency';

const SHORTEST = 10;
const LONGEST = 200;
const PRINTABLE = /^[\u0020-\u007e\u00a0-\u00ff]*$/;

/** A refusal of somebody who is known: the audit log says who it was. */
export class HolderRefusal extends Refusal {
  constructor(
    readonly holder: Pick<AccessDecision, 'principal' | 'agent'>,
    kind: Refusal['kind'],
    text: string,
  ) {
    super(kind, text);
  }
}

/** The reason as it is recorded. Throws the refusal where the glass may not be broken. */
export function emergencyReason(
  written: string,
  grant: Grant,
  { roles }: Policies,
  isAudited: boolean,
): string {
  const reason = written.trim();
  const refused = (kind: Refusal['kind'], text: string): HolderRefusal => {
    const holder = powerless(grant);
    return new HolderRefusal({ ...holder, agent: { ...holder.agent, emergency: told(reason) } }, kind, text);
  };
  if (reason.length < SHORTEST || reason.length > LONGEST || !PRINTABLE.test(reason)) {
    throw refused(
      'malformed-request',
      `X-Fairway-Emergency must give the reason in ${SHORTEST} to ${LONGEST} printable characters.`,
    );
  }
  const may = grant.user?.roles.some(
    (role) => Object.hasOwn(roles, role) && roles[role]?.breakTheGlass === true,
  );
  if (may !== true) {
    throw refused(
      'forbidden',
      'Your role may not open records in an emergency: leave X-Fairway-Emergency out.',
    );
  }
  if (!isAudited) {
    throw refused('forbidden', 'This server keeps no audit log, so no record can be opened in an emergency.');
  }
  return reason;
}

/** What is refused is recorded too, as far as it fits. */
function told(reason: string): string {
  const text = [...reason]
    .filter((sign) => PRINTABLE.test(sign))
    .join('')
    .slice(0, LONGEST);
  return text === '' ? 'no reason given' : text;
}
