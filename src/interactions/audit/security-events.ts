/**
 * What the authorization server tells the audit log: not what was done with resources, but who came in, and who was let in.
 * https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html (the DICOM codes of AuditEvent.type),
 * https://profiles.ihe.net/ITI/IUA/index.html (ITI-71: a token is got)
 *
 * Invariant: a record names people and clients by their ids, never by what they typed.
 */
import type { JsonObject } from '../../fhir/format/json.js';

export type SecurityEventName =
  | 'sign-in'
  | 'sign-out'
  /** A person allows an app something, or does not. */
  | 'consent'
  /** A person takes back what an app was allowed. */
  | 'grant-end'
  /** An app's request for a code that came to nothing. */
  | 'authorize'
  | 'token'
  | 'token-refresh'
  /** A code, a refresh token or an assertion came for the second time. */
  | 'replay'
  | 'client-authentication'
  /** A form that one of our pages did not make, or that another site sent. */
  | 'forged-form'
  | 'revocation'
  | 'launch'
  /** A client registers itself. */
  | 'client-registration'
  /** An administrator changes a client, a person, or looks at them. */
  | 'client-change'
  | 'user-change'
  | 'administration';

interface SecurityEvent {
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  readonly type: JsonObject;
  readonly subtype: JsonObject;
}

const DICOM = 'http://dicom.nema.org/resources/ontology/DCM';
const AUTHENTICATION: JsonObject = { system: DICOM, code: '110114', display: 'User Authentication' };
const ALERT: JsonObject = { system: DICOM, code: '110113', display: 'Security Alert' };
const GET_TOKEN: JsonObject = {
  system: 'urn:ihe:event-type-code',
  code: 'ITI-71',
  display: 'Get Access Token',
};

const EVENTS: Readonly<Record<SecurityEventName, SecurityEvent>> = {
  'sign-in': { action: 'E', type: AUTHENTICATION, subtype: dicom('110122', 'Login') },
  'sign-out': { action: 'E', type: AUTHENTICATION, subtype: dicom('110123', 'Logout') },
  consent: { action: 'C', type: AUTHENTICATION, subtype: own('consent', 'App allowed by a person') },
  'grant-end': { action: 'D', type: AUTHENTICATION, subtype: own('grant-end', 'Access ended by a person') },
  authorize: { action: 'E', type: AUTHENTICATION, subtype: own('authorize', 'Request for a code') },
  token: { action: 'C', type: AUTHENTICATION, subtype: GET_TOKEN },
  'token-refresh': { action: 'U', type: AUTHENTICATION, subtype: GET_TOKEN },
  replay: { action: 'E', type: ALERT, subtype: own('replay', 'Used for the second time') },
  'client-authentication': { action: 'E', type: ALERT, subtype: dicom('110126', 'Node Authentication') },
  'forged-form': { action: 'E', type: ALERT, subtype: own('forged-form', 'Form from elsewhere') },
  revocation: { action: 'D', type: AUTHENTICATION, subtype: own('revocation', 'Token revoked') },
  launch: { action: 'C', type: AUTHENTICATION, subtype: own('launch', 'App launched by an EHR') },
  'client-registration': {
    action: 'C',
    type: AUTHENTICATION,
    subtype: own('registration', 'Client registered'),
  },
  'client-change': { action: 'U', type: ALERT, subtype: dicom('110129', 'Security Configuration') },
  'user-change': { action: 'U', type: ALERT, subtype: dicom('110137', 'User Security Attributes Changed') },
  administration: { action: 'R', type: ALERT, subtype: dicom('110132', 'Use of Restricted Function') },
};

/** By the name of a record's interaction; undefined where it is one of FHIR's. */
export function securityEvent(interaction: string): SecurityEvent | undefined {
  return Object.hasOwn(EVENTS, interaction) ? EVENTS[interaction as SecurityEventName] : undefined;
}

function dicom(code: string, display: string): JsonObject {
  return { system: DICOM, code, display };
}

function own(code: string, display: string): JsonObject {
  return { system: 'urn:fairway:security-event', code, display };
}
