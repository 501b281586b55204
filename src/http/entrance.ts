/**
 * Who comes in to the FHIR endpoint: everyone in open mode; else whoever shows a token, and everyone to what says how to
 * get one.
 *
 * Invariant: a request without a decision goes no further.
 */
import type { IncomingMessage } from 'node:http';
import { EMERGENCY_HEADER } from '../access/emergency.js';
import { NOBODY } from '../access/nobody.js';
import { openAccess } from '../access/open.js';
import { severalTokens } from '../authorization/bearer.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { MaybePromise } from '../ports/backend.js';
import type { CurrentDefinitions } from '../ports/current-definitions.js';
import { countHeader, headerOf } from './header.js';

/** What the endpoint asks the authorization server. */
export interface Authority {
  /** `header`: the Authorization header; `emergency`: why the glass is to be broken. Throws or rejects with a refusal. */
  decide(
    header: string | undefined,
    definitions: CurrentDefinitions,
    emergency?: string,
  ): MaybePromise<AccessDecision>;
  /** Whether pages of this origin may read answers. */
  isOrigin(origin: string): MaybePromise<boolean>;
  /** The body of `.well-known/smart-configuration`. */
  readonly smartConfiguration: Buffer;
}

export type Entrance =
  /** `reason`: why everyone may do everything, for the audit trail. */
  | { readonly kind: 'open'; readonly decision: AccessDecision }
  | { readonly kind: 'tokens'; readonly authority: Authority };

export function openEntrance(reason: string): Entrance {
  return { kind: 'open', decision: openAccess(reason) };
}

export function decideAccess(
  entrance: Entrance,
  incoming: IncomingMessage,
  path: readonly string[],
  definitions: CurrentDefinitions,
): MaybePromise<AccessDecision> {
  if (entrance.kind === 'open') return entrance.decision;
  if (isPublic(path)) return NOBODY;
  const header = headerOf(incoming, 'authorization');
  if (header !== undefined && countHeader(incoming, 'authorization') > 1) throw severalTokens();
  return entrance.authority.decide(header, definitions, headerOf(incoming, EMERGENCY_HEADER));
}

/** What says how to come in. */
export function isPublic(path: readonly string[]): boolean {
  return path.length === 1 ? path[0] === 'metadata' : isSmartConfiguration(path);
}

/** https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known */
export function isSmartConfiguration(path: readonly string[]): boolean {
  return path.length === 2 && path[0] === '.well-known' && path[1] === 'smart-configuration';
}
