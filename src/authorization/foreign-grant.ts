/**
 * What tokens of another authorization server say, as a grant: claims of a JWT, or members of an answer about a token.
 * https://www.rfc-editor.org/rfc/rfc9068#section-2.2, https://www.rfc-editor.org/rfc/rfc7662#section-2.2
 *
 * Invariant: what is said in no shape that is known grants nothing.
 */
import { type Grant, type GrantUser, principalOf } from '../smart/grant.js';
import { parseScopes } from '../smart/scope.js';

export type ForeignClaims = Readonly<Record<string, unknown>>;

/** Its clients and subjects are others than ours of the same name. `expires`: milliseconds since 1970. */
export function foreignGrant(payload: ForeignClaims, issuer: string, expires: number): Grant {
  const clientId = `${issuer}|${textOf(payload.client_id) ?? textOf(payload.azp) ?? ''}`;
  const [patient, encounter] = [textOf(payload.patient), textOf(payload.encounter)];
  const user = userOf(payload, patient);
  return {
    principal: principalOf(clientId, user?.subject),
    clientId,
    scopes: parseScopes(scopeOf(payload)).resources,
    ...(patient === undefined ? {} : { patient }),
    ...(encounter === undefined ? {} : { encounter }),
    ...(user === undefined ? {} : { user }),
    expires,
  };
}

function scopeOf({ scope, scp }: ForeignClaims): string {
  const written = scope ?? scp;
  return Array.isArray(written) ? written.join(' ') : (textOf(written) ?? '');
}

/** https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data */
function userOf({ sub, fhirUser }: ForeignClaims, patient: string | undefined): GrantUser | undefined {
  const [type, id] = textOf(fhirUser)?.split('/').slice(-2) ?? [];
  const subject = textOf(sub);
  if (subject === undefined || type === undefined || id === undefined) return undefined;
  const own = type === 'Patient' ? id : type === 'RelatedPerson' ? patient : undefined;
  const role = ROLES[type];
  return {
    subject,
    fhirUser: { type, id },
    roles: role === undefined ? [] : [role],
    patients: own === undefined ? [] : [own],
  };
}

/** The roles of policies that people of each type have. */
const ROLES: Readonly<Record<string, string>> = {
  Patient: 'patient',
  RelatedPerson: 'patient',
  Practitioner: 'practitioner',
};

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
