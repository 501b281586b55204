/**
 * What the holder of an access token was granted, whoever handed the token out: all that access decisions are made of.
 *
 * Invariant: no secret and no clinical data in it. `principal` is stable over tokens, for cursors and audit records.
 */
import type { ResourceScope } from './scope.js';

export interface Grant {
  /** `client:ID`, or `user:SUBJECT client:ID`. */
  readonly principal: string;
  readonly clientId: string;
  readonly scopes: readonly ResourceScope[];
  /** The id of the patient in context: `patient/` scopes are about this one. */
  readonly patient?: string;
  /** The id of the encounter in context. */
  readonly encounter?: string;
  /** Absent for clients that act for themselves. */
  readonly user?: GrantUser;
  /** References to the Organizations and Devices that a client that acts for itself stands for. */
  readonly represents?: readonly string[];
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** The person who signed in. */
export interface GrantUser {
  readonly subject: string;
  /** The resource that stands for this person: Patient, Practitioner, RelatedPerson or Person. */
  readonly fhirUser: FhirUser;
  /** Names of the roles that policies speak of. */
  readonly roles: readonly string[];
  /** Ids of the patients whose records this person may open as a patient or for one. */
  readonly patients: readonly string[];
}

export interface FhirUser {
  readonly type: string;
  readonly id: string;
}

export function principalOf(clientId: string, subject?: string): string {
  return subject === undefined ? `client:${clientId}` : `user:${subject} client:${clientId}`;
}
